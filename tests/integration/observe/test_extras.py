"""Channels that optional packages speak for: Apprise's services, and OpenLineage servers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from stocktake.errors import ConfigurationError
from stocktake.observe import channels

if TYPE_CHECKING:
    from tests.integration.observe.conftest import Office
    from tests.integration.observe.receivers import Hook

ENDED: dict[str, Any] = {
    "run_id": 7,
    "kind": "backfill",
    "rows": {"ra_races": 12, "ra_runners": 130},
}


def drawn(ops: Hook) -> list[dict[str, Any]]:
    return [json.loads(body) for _, body in ops.got]


def test_apprise_hands_a_message_to_the_service_its_address_names(
    office: Office, ops: Hook
) -> None:
    address = ops.url.replace("http://", "json://")
    office.alerts["ops"] = {"type": "apprise", "url": f"{address} {address}/second"}
    office.tell(value=0.5)
    office.turn()

    first, second = drawn(ops)
    assert first["title"] == "[stocktake] ALERT: racing: check check:a fails"
    assert first["message"] == second["message"] == "value: 0.5"
    assert first["type"] == "failure"
    assert office.rows("select state, response from delivery") == [("sent", "taken (2 addresses)")]


def test_what_apprise_cannot_deliver_is_tried_again(office: Office, ops: Hook) -> None:
    ops.statuses = [500]
    office.alerts["ops"] = {"type": "apprise", "url": ops.url.replace("http://", "json://")}
    office.tell()
    office.turn()

    ((state, said),) = office.rows("select state, response from delivery")
    assert state == "pending"
    assert "did not take it" in said


def test_an_address_of_no_service_is_told(office: Office) -> None:
    office.alerts["ops"] = {"type": "apprise", "url": "nonsense"}
    office.tell()
    office.turn()

    assert office.rows("select response from delivery") == [
        ("Apprise knows no service of this address",)
    ]


def test_a_run_is_drawn_from_its_start_to_its_end(office: Office, ops: Hook) -> None:
    office.post(ops, type="openlineage", secret="key of the catalogue", namespace="north")
    office.tell("run.started", run_id=7, kind="backfill")
    office.tell("run.finished", **ENDED)
    office.turn()

    began, ended = drawn(ops)
    assert (began["eventType"], ended["eventType"]) == ("START", "COMPLETE")
    assert began["run"]["runId"] == ended["run"]["runId"]
    assert ended["job"]["namespace"] == "north"
    assert ended["job"]["name"] == "racing.backfill"
    rows = {
        one["name"]: one["outputFacets"]["outputStatistics"]["rowCount"] for one in ended["outputs"]
    }
    assert rows == {"racing.ra_races": 12, "racing.ra_runners": 130}
    assert ops.got[0][0]["authorization"] == "Bearer key of the catalogue"


def test_a_run_that_failed_is_drawn_with_its_reason(office: Office, ops: Hook) -> None:
    office.post(ops, type="openlineage")
    office.tell("lineage.failed", run_id=8, kind="sync", error="no such day")
    office.turn()

    (failed,) = drawn(ops)
    assert failed["eventType"] == "FAIL"
    assert failed["run"]["facets"]["errorMessage"]["message"] == "no such day"


def test_a_catalogue_is_told_of_runs_only(office: Office, ops: Hook) -> None:
    office.post(ops, type="openlineage")
    office.tell("check.failed")
    office.turn()
    office.post(ops, type="openlineage", kinds="alerts")
    office.tell("check.failed", key="check:b")
    office.turn()

    assert ops.got == []
    assert office.rows("select response from delivery") == [
        ("not about a run's start or end; nothing to send",)
    ]


@pytest.mark.parametrize("kind", ["apprise", "openlineage"])
def test_a_channel_without_its_package_says_which_to_install(
    kind: str, office: Office, ops: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(channels.EXTRAS, kind, "no_such_package.client")
    office.post(ops, type=kind)

    with pytest.raises(ConfigurationError, match="needs a package more") as refused:
        _ = office.channels

    assert refused.value.hint == f"pip install 'stocktake[{kind}]'"

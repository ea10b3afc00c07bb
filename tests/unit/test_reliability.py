"""The reliability page says what the tests say."""

from pathlib import Path

import pytest

from tools.reliability import (
    PAGE,
    Fault,
    current_page,
    fault_groups,
    marked_tests,
    reliability_page,
)
from tools.source import ROOT, Module

LIMITS = Fault("H09", "429", "Everyone waits.")


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == current_page(), "run ./do docs and commit the page"


def test_every_fault_has_an_id_a_description_and_a_promise() -> None:
    groups = fault_groups((ROOT / "tests" / "faults.toml").read_text(encoding="utf-8"))
    faults = [fault for group in groups.values() for fault in group]

    assert len({fault.id for fault in faults}) == len(faults) == 58
    assert all(fault.what and fault.promise.endswith(".") for fault in faults)


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("@pytest.mark.fault('H09')\ndef test_all_wait(): ...", id="test"),
        pytest.param("@mark.fault('H01', 'H09')\nasync def test_all_wait(): ...", id="two ids"),
        pytest.param(
            "@pytest.mark.parametrize('x', [pytest.param(1, marks=pytest.mark.fault('H09'))])\n"
            "def test_all_wait(x): ...",
            id="parameter",
        ),
        pytest.param(
            "@pytest.mark.fault('H09')\nclass TestLimits:\n    def test_all_wait(self): ...",
            id="class",
        ),
        pytest.param(
            "pytestmark = [pytest.mark.fault('H09')]\n\ndef test_all_wait(): ...", id="module"
        ),
    ],
)
def test_a_mark_is_found_wherever_pytest_takes_one(source: str) -> None:
    found = marked_tests([Module(Path("unit/test_gate.py"), source)])

    assert found["H09"] == ["unit/test_gate.py: all wait"]


def test_a_function_that_is_no_test_shows_nothing() -> None:
    source = "@pytest.mark.fault('H09')\ndef server(): ...\n\ndef test_other(): ..."

    assert marked_tests([Module(Path("test_gate.py"), source)]) == {}


def test_a_fault_is_listed_with_its_tests() -> None:
    page = reliability_page({"Network": [LIMITS]}, {"H09": ["test_gate.py: all wait"]})

    assert "1 of 1 faults" in page
    assert "### H09: 429\n\nEveryone waits.\n\n- `test_gate.py: all wait`" in page


def test_a_fault_without_tests_says_so() -> None:
    assert "No test shows this yet." in reliability_page({"Network": [LIMITS]}, {})


def test_a_mark_with_an_unknown_id_is_refused() -> None:
    with pytest.raises(ValueError, match="H99"):
        reliability_page({"Network": [LIMITS]}, {"H99": ["test_gate.py: all wait"]})

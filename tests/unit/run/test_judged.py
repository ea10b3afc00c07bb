"""What an error means for the chunk it ended: who is to blame, and what happens next."""

from __future__ import annotations

from collections import Counter

import psycopg
import pytest
from psycopg import errors

from stocktake.errors import (
    ConfigurationError,
    CredentialsRefused,
    DatabaseUnavailable,
    LoadError,
    PlanRefused,
    StoreError,
)
from stocktake.run.chunks import Share
from stocktake.run.claim import Claim
from stocktake.run.hands import PAUSES_SECONDS, judged


def share(attempts: int = 0) -> Share:
    claim = Claim(run_id=1, fence=1, plan_id=1, resumed=False, chunk_id=1)
    return Share(
        claim, "racing", "backfill", 0, 0, {}, (), attempts, None, "", Counter(), Counter()
    )


@pytest.mark.fault("C04")
@pytest.mark.parametrize(
    "error",
    [
        errors.DeadlockDetected("two of them"),
        errors.SerializationFailure("could not serialize"),
        errors.QueryCanceled("canceling statement due to statement timeout"),
        errors.LockNotAvailable("canceling statement due to lock timeout"),
        errors.TooManyConnections("sorry, too many clients already"),
        errors.ReadOnlySqlTransaction("cannot execute INSERT in a read-only transaction"),
        psycopg.InterfaceError("the connection is closed"),
        DatabaseUnavailable("nobody is there"),
        StoreError("it went wrong"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_the_database_refuses_for_a_moment_blames_no_unit(error: Exception) -> None:
    ending = judged(error, share(attempts=4))

    assert (ending.state, ending.failures, ending.stops_run) == ("waiting", 0, False)
    assert ending.pause_seconds > 0


@pytest.mark.fault("C05")
@pytest.mark.parametrize(
    "error",
    [errors.DiskFull("No space left on device"), errors.IoError("read-only file system")],
    ids=lambda error: type(error).__name__,
)
def test_what_lasts_pauses_the_run_with_its_reason(error: Exception) -> None:
    ending = judged(error, share())

    assert (ending.state, ending.failures, ending.stops_run) == ("waiting", 0, True)
    assert str(error) in (ending.error or "")


@pytest.mark.parametrize(
    ("error", "is_told"),
    [
        (CredentialsRefused("401"), True),
        (PlanRefused("a check fails"), False),
        (ConfigurationError("no token"), False),
    ],
    ids=["source", "check", "settings"],
)
def test_what_no_other_chunk_would_fare_better_with_pauses_the_run(
    error: Exception, *, is_told: bool
) -> None:
    ending = judged(error, share())

    assert (ending.stops_run, ending.is_told) == (True, is_told)


@pytest.mark.parametrize(
    ("attempts", "pause"), [*enumerate(PAUSES_SECONDS), (len(PAUSES_SECONDS), PAUSES_SECONDS[-1])]
)
def test_what_only_this_chunk_meets_is_counted_against_it_with_growing_pauses(
    attempts: int, pause: float
) -> None:
    ending = judged(LoadError("it does not add up"), share(attempts))

    assert (ending.failures, ending.stops_run, ending.pause_seconds) == (1, False, pause)

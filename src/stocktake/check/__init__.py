"""Measured promises: compile, run, judge, keep."""

from stocktake.check.measure import judge, run_checks
from stocktake.check.results import (
    Standing,
    exit_code,
    junit,
    latest_results,
    store_results,
    trend,
    worst,
)

__all__ = [
    "Standing",
    "exit_code",
    "judge",
    "junit",
    "latest_results",
    "run_checks",
    "store_results",
    "trend",
    "worst",
]

"""The pump's loader: batches written under a claim, counted, and checked along the way."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from stocktake.run.pump import StopSign

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from stocktake.run.batch import BatchLoader, Prepared
    from stocktake.run.errands import Fetched
    from stocktake.run.progress import Meter, Report
    from stocktake.run.validation import Validation


class Loading:
    """Loads the batches of a run, or of a worker's share of one."""

    def __init__(
        self,
        loader: BatchLoader,
        validation: Validation,
        *,
        meter: Meter,
        report: Report,
        confirm: Callable[[], None],
    ) -> None:
        """Keep the parts.

        Args:
            loader: Writes batches.
            validation: Told of each batch.
            meter: Counts them.
            report: Called with progress after each.
            confirm: Called before each; raises when this program lost the right to write.
        """
        self.loader = loader
        self.validation = validation
        self.meter = meter
        self.stop = StopSign()
        self._report = report
        self._confirm = confirm

    def prepare(self, batch: Sequence[Fetched]) -> Prepared:
        """Capture and parse a batch; a refused login stops the producers."""
        prepared = self.loader.prepare(batch)
        if self.loader.tally.paused:
            self.stop.set()
        return prepared

    def commit(self, prepared: Prepared) -> None:
        """Load a batch and report progress."""
        self._confirm()
        tally = self.loader.tally
        before = tally.rows, tally.failed
        self.loader.commit(prepared)
        self.meter.add(
            requests=len(prepared.findings),
            rows=tally.rows - before[0],
            failed=tally.failed - before[1],
            at_seconds=time.monotonic(),
        )
        self._report(self.meter.snapshot())
        self.validation.add(prepared.findings)

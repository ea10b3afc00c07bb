"""Units that are held, but whose inputs changed after they were computed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stocktake.count.decide import locate
from stocktake.count.ledger import series_ids
from stocktake.count.routes import DERIVE
from stocktake.count.states import QUERIES, Connection

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from stocktake.model import Dataset, System

REASON = "an input changed after it was computed"


def note_stale(
    conn: Connection,
    system: System,
    dataset: Dataset,
    keys: Iterable[tuple[str, ...]],
    *,
    now: datetime,
) -> int:
    """Note units of a derived dataset as stale where they are held; return how many are new.

    Recording them after they were computed again ends it.
    """
    places = [place for key in keys if (place := locate(conn, system, dataset, key)) is not None]
    names = {(dataset.name, DERIVE, series) for series, _ in places}
    ids = series_ids(conn, system.name, names)
    parameters = {
        "series_ids": [ids[dataset.name, DERIVE, series] for series, _ in places],
        "ordinals": [ordinal for _, ordinal in places],
        "reason": REASON,
        "now": now,
    }
    return conn.execute(QUERIES.note_stale, parameters).rowcount

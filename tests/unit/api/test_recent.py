"""Answers kept for a moment: made once for many, fresh or being made anew, gone after a change."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from stocktake.api.recent import RecentAnswers


def test_who_asks_while_one_is_made_waits_for_it() -> None:
    made: list[int] = []

    def slow() -> int:
        made.append(1)
        time.sleep(0.1)
        return len(made)

    async def ask() -> list[bytes]:
        recent = RecentAnswers(60)
        return [one.body for one in await asyncio.gather(*(recent.get("a", slow) for _ in "abc"))]

    assert asyncio.run(ask()) == [b"1"] * 3


def test_an_old_answer_is_given_while_a_new_one_is_made() -> None:
    let_go, values = threading.Event(), iter((1, 2))

    def make() -> int:
        value = next(values)
        if value == 2:
            assert let_go.wait(10)
        return value

    async def ask() -> list[bytes]:
        recent = RecentAnswers(0.2)
        first = await recent.get("a", make)
        await asyncio.sleep(0.25)
        stale = await recent.get("a", make)
        let_go.set()
        await asyncio.sleep(0.1)
        return [one.body for one in (first, stale, await recent.get("a", make))]

    assert asyncio.run(ask()) == [b"1", b"1", b"2"]


def test_a_change_empties_what_is_kept_and_what_is_being_made() -> None:
    values = iter((1, 2))

    async def ask() -> list[bytes]:
        recent = RecentAnswers(60)
        first = await recent.get("a", lambda: next(values))
        recent.clear()
        return [first.body, (await recent.get("a", lambda: next(values))).body]

    assert asyncio.run(ask()) == [b"1", b"2"]


def test_an_error_is_told_to_who_asked_and_not_kept() -> None:
    async def ask() -> bytes:
        recent = RecentAnswers(60)
        with pytest.raises(ZeroDivisionError):
            await recent.get("a", lambda: 1 // 0)
        return (await recent.get("a", lambda: 5)).body

    assert asyncio.run(ask()) == b"5"

"""Query parameters of the sandbox, refused in the words of the real service."""

from collections.abc import Sequence
from datetime import date
from typing import Final

from stocktake.testing import Asked, Reply

UNPROCESSABLE: Final = 422
_PAGING: Final = ("limit", "skip")


class RefusedError(Exception):
    """A request that is answered with 422; ``reply`` is the answer."""

    def __init__(self, name: str, message: str, kind: str, limit: int | None = None) -> None:
        super().__init__(f"{name}: {message}")
        problem: dict[str, object] = {"loc": ["query", name], "msg": message, "type": kind}
        if limit is not None:
            problem["ctx"] = {"limit_value": limit}
        self.reply = Reply.of_json({"detail": [problem]}, status=UNPROCESSABLE)


class Params:
    """The query of one request.

    Args:
        asked: The request.
    """

    def __init__(self, asked: Asked) -> None:
        self._query = asked.query

    def values(self, *names: str) -> frozenset[str]:
        """Return every value of repeated parameters, lower case."""
        return frozenset(value.lower() for name, value in self._query if name in names)

    def text(self, name: str) -> str | None:
        """Return the last value of a parameter; None when it is absent."""
        found = [value for key, value in self._query if key == name]
        return found[-1] if found else None

    def required(self, name: str) -> str:
        """Return a parameter's value.

        Raises:
            RefusedError: It is absent or empty.
        """
        value = self.text(name)
        if not value:
            raise RefusedError(name, "field required", "value_error.missing")
        return value

    def number(self, name: str, *, default: int, least: int, most: int | None = None) -> int:
        """Return a whole number within its bounds, ends included.

        Raises:
            RefusedError: It is not a whole number or out of bounds.
        """
        text = self.text(name)
        if text is None:
            return default
        try:
            value = int(text)
        except ValueError:
            raise RefusedError(name, "value is not a valid integer", "type_error.integer") from None
        if value < least:
            message = f"ensure this value is greater than or equal to {least}"
            raise RefusedError(name, message, "value_error.number.not_ge", least)
        if most is not None and value > most:
            message = f"ensure this value is less than or equal to {most}"
            raise RefusedError(name, message, "value_error.number.not_le", most)
        return value

    def day(self, name: str, *, default: date) -> date:
        """Return a day written ``YYYY-MM-DD``.

        Raises:
            RefusedError: It is not such a day.
        """
        text = self.text(name)
        if text is None:
            return default
        try:
            return date.fromisoformat(text)
        except ValueError:
            raise RefusedError(name, "invalid date format", "value_error.date") from None

    def echo(self) -> Sequence[tuple[str, str]]:
        """Return the query as the envelope repeats it: limit and skip first."""
        paging = [pair for pair in self._query if pair[0] in _PAGING]
        return [*paging, *(pair for pair in self._query if pair[0] not in _PAGING)]

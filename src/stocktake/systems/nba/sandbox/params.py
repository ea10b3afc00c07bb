"""Query parameters of the sandbox, refused when they make no sense."""

import re
from datetime import date, datetime
from typing import Any, Final

from stocktake.systems.nba.sandbox.dates import EASTERN
from stocktake.testing import Asked, Reply

BAD_REQUEST: Final = 400
_SEASON: Final = re.compile(r"^(\d{4})-(\d{2})$")
_AMERICAN: Final = "%m/%d/%Y"


class RefusedError(Exception):
    """A request that is refused; ``reply`` is the answer."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(f"{name}: {message}")
        self.reply = Reply.of_json(
            {"Message": f"The {name} property {message}"}, status=BAD_REQUEST
        )


class Params:
    """The query of one request; names are read whatever their case.

    Args:
        asked: The request.
    """

    def __init__(self, asked: Asked) -> None:
        self._query = asked.query

    def values(self, name: str) -> list[str]:
        """Return every value of a repeated parameter, also spelled ``name[]``."""
        names = {name.lower(), f"{name.lower()}[]"}
        return [value for key, value in self._query if key.lower() in names]

    def text(self, name: str, default: str = "") -> str:
        """Return a parameter; an absent or empty one is the default."""
        found = self.values(name)
        return (found[-1] if found else "") or default

    def required(self, name: str) -> str:
        """Return a parameter.

        Raises:
            RefusedError: It is absent or empty.
        """
        value = self.text(name)
        if not value:
            raise RefusedError(name, "is required.")
        return value

    def season(self) -> int:
        """Return the start year of ``Season``.

        Raises:
            RefusedError: It is not spelled ``2024-25``.
        """
        found = _SEASON.match(self.required("Season"))
        if found is None or (int(found[1]) + 1) % 100 != int(found[2]):
            raise RefusedError("Season", "is invalid.")
        return int(found[1])

    def day(self, name: str) -> date | None:
        """Return a day written ``11/05/2025`` or ``2025-11-05``; None when it is absent.

        Raises:
            RefusedError: It is neither.
        """
        text = self.text(name)
        if not text:
            return None
        try:
            if "/" in text:
                return datetime.strptime(text, _AMERICAN).replace(tzinfo=EASTERN).date()
            return date.fromisoformat(text)
        except ValueError:
            raise RefusedError(name, "is invalid.") from None

    def number(self, name: str, *, default: int, most: int) -> int:
        """Return a whole number from 1 to ``most``; above it is cut.

        Raises:
            RefusedError: It is not a whole number above 0.
        """
        text = self.text(name, str(default))
        if not text.isdigit() or int(text) < 1:
            raise RefusedError(name, "is invalid.")
        return min(int(text), most)

    def echo(self) -> dict[str, Any]:
        """Return the parameters as an envelope repeats them."""
        return {key: value or None for key, value in self._query}

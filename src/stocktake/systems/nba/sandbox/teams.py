"""The thirty teams: ids, names and places are real; who plays for them is not."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Team:
    """One team.

    Attributes:
        index: Place in ``TEAMS``; teams of the East come first.
        id: The league's own number.
        tricode: Abbreviation such as ``ATL``.
        slug: Nickname as addresses spell it.
    """

    index: int
    id: int
    tricode: str
    city: str
    name: str
    slug: str
    arena: str

    @property
    def is_east(self) -> bool:
        """Whether it plays in the Eastern conference."""
        return self.index < CONFERENCE_SIZE

    @property
    def full_name(self) -> str:
        """City and nickname, as the logs spell them."""
        city = "LA" if self.tricode == "LAC" else self.city
        return f"{city} {self.name}"


CONFERENCE_SIZE: Final = 15
_LISTED: Final = (
    "1610612737|ATL|Atlanta|Hawks|hawks",
    "1610612738|BOS|Boston|Celtics|celtics",
    "1610612751|BKN|Brooklyn|Nets|nets",
    "1610612766|CHA|Charlotte|Hornets|hornets",
    "1610612741|CHI|Chicago|Bulls|bulls",
    "1610612739|CLE|Cleveland|Cavaliers|cavaliers",
    "1610612765|DET|Detroit|Pistons|pistons",
    "1610612754|IND|Indiana|Pacers|pacers",
    "1610612748|MIA|Miami|Heat|heat",
    "1610612749|MIL|Milwaukee|Bucks|bucks",
    "1610612752|NYK|New York|Knicks|knicks",
    "1610612753|ORL|Orlando|Magic|magic",
    "1610612755|PHI|Philadelphia|76ers|sixers",
    "1610612761|TOR|Toronto|Raptors|raptors",
    "1610612764|WAS|Washington|Wizards|wizards",
    "1610612742|DAL|Dallas|Mavericks|mavericks",
    "1610612743|DEN|Denver|Nuggets|nuggets",
    "1610612744|GSW|Golden State|Warriors|warriors",
    "1610612745|HOU|Houston|Rockets|rockets",
    "1610612746|LAC|LA|Clippers|clippers",
    "1610612747|LAL|Los Angeles|Lakers|lakers",
    "1610612763|MEM|Memphis|Grizzlies|grizzlies",
    "1610612750|MIN|Minnesota|Timberwolves|timberwolves",
    "1610612740|NOP|New Orleans|Pelicans|pelicans",
    "1610612760|OKC|Oklahoma City|Thunder|thunder",
    "1610612756|PHX|Phoenix|Suns|suns",
    "1610612757|POR|Portland|Trail Blazers|blazers",
    "1610612758|SAC|Sacramento|Kings|kings",
    "1610612759|SAS|San Antonio|Spurs|spurs",
    "1610612762|UTA|Utah|Jazz|jazz",
)


def _team(index: int, line: str) -> Team:
    number, tricode, city, name, slug = line.split("|")
    return Team(index, int(number), tricode, city, name, slug, f"{city} Simulated Arena")


TEAMS: Final[tuple[Team, ...]] = tuple(_team(index, line) for index, line in enumerate(_LISTED))

ALL_STARS: Final[tuple[Team, ...]] = (
    Team(30, 1610616833, "EST", "Team", "East", "east", "Simulated Dome"),
    Team(31, 1610616834, "WST", "Team", "West", "west", "Simulated Dome"),
)
"""The two sides of the all-star game; they are no teams of the league."""

OTHER_LEAGUE: Final[tuple[Team, ...]] = (
    Team(32, 1611661323, "CON", "Connecticut", "Sun", "sun", "Simulated Shore"),
    Team(33, 1611661328, "SEA", "Seattle", "Storm", "storm", "Simulated Shore"),
)
"""Two teams of league 10, for answers nobody asked for."""

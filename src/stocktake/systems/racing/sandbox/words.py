"""Names for animals, people, places and races, put together from word lists of our own.

Nothing here names a real horse, person or course: second words are built from syllables.
"""

from typing import Final


def _listed(text: str, *, separator: str = " ") -> tuple[str, ...]:
    return tuple(text.split(separator))


_OPENERS: Final = _listed(
    "Amber Ancient Autumn Bashful Blithe Bold Brave Brindled Bronze Candid Careful Cheerful "
    "Clever Cobalt Copper Coral Crimson Curious Dancing Daring Dashing Dauntless Dawn "
    "Distant Drifting Dusky Eager Early Easy Ember Evening Fabled Faithful Fearless Fleet "
    "Flying Foxglove Frosted Gallant Gentle Gilded Glad Golden Graceful Granite Hasty Hazel "
    "Heather Hidden Hollow Honest Humble Idle Indigo Iron Ivory Jade Jaunty Jolly Keen "
    "Kindly Lively Lofty Lone Lucky Lunar Mellow Merry Midnight Misty Modest Morning Mossy "
    "Nimble Noble Northern Olive Opal Patient Pearl Placid Plucky Polished Proud Quick Quiet "
    "Rambling Ready Restless Roaming Rosy Royal Ruby Russet Rustic Sable Saffron Scarlet "
    "Secret Silent Silver Simple Singing Sleepy Slender Solar Spirited Stately Steady Stormy "
    "Sudden Summer Sunlit Swift Tawny Tender Thankful Timely Topaz Tranquil Trusty Velvet "
    "Vivid Wandering Warm Wayward Whistling Wily Winter"
)
_FRONTS: Final = _listed(
    "Ald Arn Bal Bar Bel Bram Bran Bren Cal Cam Car Cor Crom Dal Dar Del Dor Dun El Ern Fal "
    "Far Fen Fin Gal Gar Gis Glen Gor Hal Har Hol Hur Il Ing Jar Kel Ken Kil Kir Lan Lar Lin "
    "Lor Mal Mar Mel Mor Nar Nor Ol Or Pel Pen Quin Ral Ren Ros Sal Sel Tam Tor Val Wen"
)
_BACKS: Final = _listed(
    "abella aby adale adine agrove alder amber amore anda ando anor arbour ardell arium "
    "arrow asco atha avane beck belle berry bourne brake bridge caster combe cove crest "
    "dance dell drake drift ember esque estra fane fell field flare fleet ford gale garth "
    "glade glow grange hallow haven heath hollow ista keld lace lantern leigh light loch "
    "lyric marsh mere mist moor ora"
)
_GIVEN: Final = _listed(
    "Abel Ada Alba Anselm Asa Berta Bram Cass Celia Conn Corin Dilys Dov Edda Eli Ennis Fern "
    "Finbar Gil Greta Hester Ivo Jago Jem Joss Kit Lorne Mabel Merrick Nan Ned Orla Oswin "
    "Pia Quill Rafe Rhona Sid Tamsin Tobin Una Vance Wilf Xanthe Yan Zelda"
)
_KIN: Final = _listed(
    "adder aghan ampley anbury arden askew atwick avery bottle bury croft dacre dyke ebrook "
    "elby ender ethan garth gill grave ham hurst ickle ington ister kin laby land lock low "
    "man may mond ney nock oak over parn pole quist rick row sall scombe shaw sley stall "
    "stead swick thorn thwaite tock tree vane vill wark way well wick with wold yard"
)
_PLACE_ENDS: Final = _listed(
    "bury combe dale don ey field ford ham hurst leigh mere minster moor ness port ridge "
    "shaw stead stoke thorpe ton wade wick worth"
)
_IRISH_ENDS: Final = _listed(
    "agh allen anna ard bawn beg bracken carra cloon derg duff garvan inish keel lough more "
    "namona rath roe slieve tober tubber"
)
_SPONSORS: Final = _listed(
    (
        "Oakbarrel Cider|Tilbrook Fencing|Larkspur Feeds|Ledgerline Accounts|Brightwater Hotels|"
        "Hobbin And Hale Solicitors|Cloverfold Dairies|Pennant Insurance|Wheelwright Vans|"
        "Merrow Marquees|Foxley Boots|Sundial Windows|Quarrystone Paving|Fable Books|"
        "Northlight Solar|Harbour Lane Bakery|Copperpot Catering|Greenway Tractors"
    ),
    separator="|",
)
_SYNDICATES: Final = ("Partnership", "Syndicate", "Racing", "Bloodstock", "Racing Club", "Stud")
_VILLAGES: Final = 1_000

HORSE_NAMES: Final = len(_OPENERS) * len(_FRONTS) * len(_BACKS)


def _spread(number: int, size: int) -> int:
    """Return a place below ``size`` for a number; neighbours land far apart."""
    return number * 2_654_435_761 % size


def horse_name(number: int) -> str:
    """Return the name of an animal; distinct for ``HORSE_NAMES`` neighbouring numbers."""
    place = _spread(number, HORSE_NAMES)
    place, back = divmod(place, len(_BACKS))
    opener, front = divmod(place, len(_FRONTS))
    return f"{_OPENERS[opener]} {_FRONTS[front]}{_BACKS[back]}"


def person_name(number: int) -> str:
    """Return a person's name, such as ``Tamsin Kelwick``; a few repeat, as people's do."""
    place = _spread(number, len(_GIVEN) * len(_FRONTS) * len(_KIN))
    place, kin = divmod(place, len(_KIN))
    given, front = divmod(place, len(_FRONTS))
    return f"{_GIVEN[given]} {_FRONTS[front]}{_KIN[kin]}"


def owner_name(number: int) -> str:
    """Return an owner's name: a person, two persons, or a syndicate."""
    style = number % 5
    if style == 0:
        return f"{person_name(number)} & {person_name(number + 7_919)}"
    if style == 1:
        surname = person_name(number).partition(" ")[2]
        return f"{surname} {_SYNDICATES[number // 5 % len(_SYNDICATES)]}"
    return person_name(number)


def breeder_name(number: int) -> str:
    """Return a breeder's name."""
    return f"{person_name(number).partition(' ')[2]} Stud"


def village(number: int) -> str:
    """Return the place a trainer works at, with a county of ours."""
    number %= _VILLAGES
    end = _PLACE_ENDS[number // len(_FRONTS) % len(_PLACE_ENDS)]
    return f"{_FRONTS[number % len(_FRONTS)]}{end}, {_FRONTS[number * 7 % len(_FRONTS)]}shire"


def place_name(number: int, *, irish: bool) -> str:
    """Return a course's name; distinct for the first thousand numbers of each kind."""
    ends = _IRISH_ENDS if irish else _PLACE_ENDS
    front = _FRONTS[number % len(_FRONTS)]
    return front + ends[(number // len(_FRONTS) + number * 5) % len(ends)]


def sponsor(number: int) -> str:
    """Return the name of a race's sponsor."""
    return _SPONSORS[number % len(_SPONSORS)]

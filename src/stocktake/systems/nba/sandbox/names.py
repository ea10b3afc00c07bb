"""Names of players, put together from lists of our own; nobody real is meant."""

import re
import unicodedata
from typing import Final


def _listed(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_GIVEN: Final = _listed(
    "Abiel Adrik Alaric Amadi Anders Anzo Arlo Asher Avery Baxter Benno Bodhi Brannon Briar "
    "Cael Caius Calder Cassian Cedro Corwin Cyrus Dagan Dario Davor Deshon Devlin Dimas "
    "Dorian Edrick Eero Elias Emeric Enzo Evander Ezra Fabian Fenn Florin Gael Gideon Goran "
    "Halden Hugo Idris Ilan Ismael Jabari Jairo Jarek Javon Jorah Jovan Kaden Kallum Keon "
    "Kellan Kofi Lazar Leander Lennox Lucan Malik Marek Matej Milo Nasir Niko Obi Odin Orson "
    "Osei Paxton Pavel Quade Quillon Rafe Renzo Rhett Roan Rune Sacha Samson Severin Silas "
    "Soren Tadeo Tariq Teo Thane Tobin Ugo Vaughn Vito Wade Xavi Yannick Yusuf Zaire Zoran "
    "Éloi Nikša Žan D'Andel De'Var Jo-El"
)
_FRONTS: Final = _listed(
    "Ab Al Am Ar Bal Bar Bel Ber Bor Bran Cal Car Cas Cor Dal Dar Del Dev Dor El Em Fal Far "
    "Fen Gal Gar Hal Har Hol Jar Jor Kal Kar Kel Lan Lar Lor Mal Mar Mer Mor Nal Nor Or Pal "
    "Par Pel Quin Ral Ren Ros Sal Sel Sol Tal Tar Tor Val Ver Wal"
)
_ENDS: Final = _listed(
    "ado aker ampton anek anović ard arez aro atim bane beck bery bourne by cott croft dane "
    "den dell dić dova ell emba ente erson eri field ford gan gard gate go gren hoff holt ić "
    "ier ika ingham ins ison kins ko ler ley lock low man mont moor nell ner nik oba odo okwe "
    "onde os ović quez ridge rock rell shaw sky son stad ster stone tane ter ton tré uka vale "
    "vane ville well wick win wood worth zak zado"
)
_SUFFIXES: Final = {11: " Jr.", 29: " III", 41: " II"}
_SUFFIX_CYCLE: Final = 47

NAMES: Final = len(_GIVEN) * len(_FRONTS) * len(_ENDS)


def player_name(number: int) -> tuple[str, str]:
    """Return first and family name; distinct for ``NAMES`` neighbouring numbers."""
    place = number * 2_654_435_761 % NAMES
    place, given = divmod(place, len(_GIVEN))
    front, end = divmod(place, len(_ENDS))
    suffix = _SUFFIXES.get(number % _SUFFIX_CYCLE, "")
    return _GIVEN[given], _FRONTS[front] + _ENDS[end] + suffix


def slug_of(name: str) -> str:
    """Return a name as addresses spell it: plain lower-case letters and hyphens."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain.replace("'", "").replace(".", "")).strip("-")

"""Places in what a user writes."""

import re
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Place:
    """A city. `climate` is its yearly mean in degrees Celsius; `airport` is empty where it has none of its own."""

    name: str
    airport: str
    climate: int


_TABLE: Final = """
Amsterdam AMS 10; Athens ATH 19; Atlanta ATL 17; Auckland AKL 15; Bangkok BKK 29; Barcelona BCN 17; Beijing PEK 13
Berlin BER 10; Boston BOS 11; Brussels BRU 11; Buenos Aires EZE 18; Cairo CAI 22; Cape Town CPT 17; Chicago ORD 10
Copenhagen CPH 9; Dallas DFW 19; Delhi DEL 25; Denver DEN 10; Dubai DXB 28; Dublin DUB 10; Frankfurt FRA 11
Geneva GVA 11; Hamburg HAM 10; Helsinki HEL 6; Hong Kong HKG 23; Istanbul IST 15; Jakarta CGK 28; Lagos LOS 27
Las Vegas LAS 20; Lima LIM 19; Lisbon LIS 17; London LHR 11; Los Angeles LAX 19; Madrid MAD 15; Melbourne MEL 15
Mexico City MEX 17; Miami MIA 25; Milan MXP 14; Montreal YUL 7; Moscow SVO 6; Mumbai BOM 27; Munich MUC 10
Nairobi NBO 18; New York JFK 13; Oslo OSL 6; Paris CDG 12; Prague PRG 9; Rio de Janeiro GIG 24; Rome FCO 16
San Francisco SFO 14; Santiago SCL 15; Seattle SEA 11; Seoul ICN 13; Singapore SIN 28; Stockholm ARN 7; Sydney SYD 18
Tokyo HND 16; Toronto YYZ 9; Vancouver YVR 11; Vienna VIE 11; Warsaw WAW 9; Washington IAD 14; Zurich ZRH 10
"""

_ALIASES: Final = {
    "nyc": "New York",
    "new york city": "New York",
    "la": "Los Angeles",
    "sf": "San Francisco",
    "rio": "Rio de Janeiro",
    "new delhi": "Delhi",
    "washington dc": "Washington",
}


def _read(table: str) -> dict[str, Place]:
    entries = (entry.strip().rsplit(" ", 2) for entry in table.replace("\n", ";").split(";") if entry.strip())
    return {name: Place(name, airport, int(climate)) for name, airport, climate in entries}


PLACES: Final = _read(_TABLE)

_BY_WORD: Final = {
    **{name.lower(): place for name, place in PLACES.items()},
    **{place.airport.lower(): place for place in PLACES.values()},
    **{alias: PLACES[name] for alias, name in _ALIASES.items()},
}
_SHORT: Final = frozenset(word for word in _BY_WORD if len(word) <= 3)
"""Codes and short names: only in capitals, since "den" and "la" are words too."""

_WORD: Final = re.compile(
    rf"\b(?:{'|'.join(sorted(map(re.escape, _BY_WORD), key=len, reverse=True))})\b", re.IGNORECASE
)


def found(text: str) -> list[tuple[int, Place]]:
    """Return the places that a text names, each once, with the position of its first mention."""
    seen: dict[str, tuple[int, Place]] = {}
    for match in _WORD.finditer(text):
        word = match.group()
        if word.lower() in _SHORT and not word.isupper():
            continue
        place = _BY_WORD[word.lower()]
        seen.setdefault(place.name, (match.start(), place))
    return list(seen.values())

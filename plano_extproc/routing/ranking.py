"""The order of a route's models: as declared, cheapest first, or fastest first.

A figure is dollars or seconds, smaller is better. A model without one stands behind those that have one, in declared
order, and so does a figure that is no usable number: rubbish in a feed never decides.
"""

import math
from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeVar

Prefer = Literal["cheapest", "fastest", "none"]
Figure = Callable[[str], float | None]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Ranked:
    """Models, best first. `figures` are what was known of them, `reason` is for people."""

    models: tuple[str, ...]
    figures: dict[str, float]
    reason: str


def rank(models: Sequence[str], prefer: Prefer, figure: Figure, cooling: Container[str] = ()) -> Ranked:
    """Order models; repeated ones count once. `cooling` ones go to the end, and keep their order there.

    `figure` gives dollars for "cheapest" and seconds for "fastest"; it is not asked for "none".
    """
    declared = tuple(dict.fromkeys(models))
    figures = (
        {} if prefer == "none" else {name: value for name in declared if (value := usable(figure(name))) is not None}
    )
    known = sorted(figures, key=figures.__getitem__)
    unknown = [name for name in declared if name not in figures]
    ordered = later([*known, *unknown], cooling)
    return Ranked(ordered, figures, _reason(prefer, declared, figures, cooling))


def usable(figure: float | None) -> float | None:
    """Return a figure that can be compared: finite and not negative; None for every other."""
    return figure if figure is not None and math.isfinite(figure) and figure >= 0 else None


def later(names: Iterable[str], cooling: Container[str]) -> tuple[str, ...]:
    """Move names that are cooling behind the others; both keep their order."""
    return later_by(names, lambda name: name in cooling)


def later_by(items: Iterable[T], is_cooling: Callable[[T], bool]) -> tuple[T, ...]:
    """Move items that are cooling behind the others; both keep their order."""
    kept = tuple(items)
    return (*(item for item in kept if not is_cooling(item)), *(item for item in kept if is_cooling(item)))


def _reason(prefer: Prefer, declared: Sequence[str], figures: dict[str, float], cooling: Container[str]) -> str:
    said = _SAID[prefer]
    if prefer != "none" and len(figures) < len(declared):
        said += f", {len(declared) - len(figures)} without a figure last"
    cooled = sum(name in cooling for name in declared)
    return said + (f", {cooled} cooling down" if cooled else "")


_SAID: Final[dict[Prefer, str]] = {
    "none": "declared order",
    "cheapest": "cheapest first",
    "fastest": "fastest first",
}

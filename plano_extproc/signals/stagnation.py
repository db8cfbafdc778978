"""Stagnation: a conversation that drags on, or says the same again."""

from collections.abc import Iterator, Sequence
from typing import Final

from plano_extproc.signals.disengagement import POSITIVE
from plano_extproc.signals.misalignment import begins_with
from plano_extproc.signals.taxonomy import efficiency
from plano_extproc.signals.words import Words, jaccard

DRAGGING: Final = "interaction.stagnation.dragging"
REPETITION: Final = "interaction.stagnation.repetition"

EXACT: Final = 0.95
NEAR: Final = 0.85
"""Shares of common trigrams from which a text repeats another."""

FEWEST_WORDS: Final = 5
LOOKED_BACK: Final = 2


def compatible(
    human: Sequence[tuple[int, Words]], model: Sequence[tuple[int, Words]]
) -> Iterator[tuple[str, int, float, str]]:
    """Yield type, index, confidence and kind for the rows of both sides, given with their indices."""
    value = efficiency(len(human))
    if value < 0.5:
        yield DRAGGING, human[-1][0], 1 - value, ""
    for rows, skips in ((human, POSITIVE), (model, ())):
        earlier: list[Words] = []
        for index, row in rows:
            if len(row.tokens) < FEWEST_WORDS:
                continue
            if not begins_with(row.tokens, skips):
                for other in reversed(earlier[-LOOKED_BACK:]):
                    likeness = jaccard(other.trigrams, row.trigrams)
                    if likeness >= NEAR:
                        yield REPETITION, index, likeness, kind(likeness)
                        break
            earlier.append(row)


def kind(likeness: float) -> str:
    """Return the word for a likeness."""
    return "exact" if likeness >= EXACT else "near_duplicate"


def drags(turns: int, troubled: int) -> bool:
    """Whether a conversation drags in standard mode: it is long, and one turn in five went wrong.

    A long conversation alone is none that drags: many a good one is long.
    """
    return efficiency(turns) < 0.5 and troubled >= max(2, turns / 5)

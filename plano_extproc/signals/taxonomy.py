"""The kinds of signals, and what a conversation's report holds."""

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import Any, Final, NamedTuple

TYPES: Final[Mapping[str, tuple[str, ...]]] = {
    "interaction.misalignment": ("correction", "rephrase", "clarification"),
    "interaction.stagnation": ("dragging", "repetition"),
    "interaction.disengagement": ("negative_stance", "escalation", "quit"),
    "interaction.satisfaction": ("gratitude", "confirmation", "success"),
    "execution.failure": ("invalid_args", "tool_not_found", "auth_misuse", "state_error", "bad_query"),
    "execution.loops": ("retry", "parameter_drift", "oscillation"),
    "environment.exhaustion": (
        "rate_limit",
        "api_error",
        "timeout",
        "network",
        "malformed_response",
        "context_overflow",
    ),
}
"""`layer.category`, and below it the leaves: a signal's type is `layer.category.leaf`."""

GROUPS: Final[Mapping[str, str]] = {f"{group}.{leaf}": group for group, leaves in TYPES.items() for leaf in leaves}
"""The group of each type."""

LEAVES: Final = tuple(GROUPS)


class Quality(Enum):
    """How well a conversation goes, best first."""

    EXCELLENT = "excellent"
    GOOD = "good"
    NEUTRAL = "neutral"
    POOR = "poor"
    SEVERE = "severe"

    @classmethod
    def of(cls, score: float) -> "Quality":
        """Return the bucket of a score from 0 to 100."""
        return next(quality for floor, quality in _FLOORS if score >= floor)


_FLOORS: Final = (
    (75.0, Quality.EXCELLENT),
    (60.0, Quality.GOOD),
    (40.0, Quality.NEUTRAL),
    (25.0, Quality.POOR),
    (-1.0, Quality.SEVERE),
)


class Signal(NamedTuple):
    """One thing that was noticed.

    `message_index` counts what the mode counts: the client's messages, or in compatible mode the rows that they make.
    `confidence` lies between 0 and 1. `snippet` is a piece of the text, and never leaves with prompts switched off.
    """

    type: str
    message_index: int
    confidence: float
    snippet: str = ""
    metadata: Mapping[str, Any] = MappingProxyType({})

    @property
    def group(self) -> str:
        """The type without its leaf."""
        return GROUPS[self.type]

    @property
    def key(self) -> tuple[str, int]:
        """What tells it apart from the others of its conversation."""
        return self.type, self.message_index


class Report(NamedTuple):
    """What a conversation tells so far.

    `signals` are those of the whole conversation in order, `new` those that no earlier report of it held: only they
    are counted and become events. `turns` are the user's, and `efficiency` falls from 1 with their number.
    """

    quality: Quality
    score: float
    turns: int
    efficiency: float
    signals: tuple[Signal, ...] = ()
    new: tuple[Signal, ...] = ()

    def counts(self) -> dict[str, int]:
        """Return how many signals each group has; groups without any are left out."""
        found: dict[str, int] = {}
        for signal in self.signals:
            group = signal.group
            found[group] = found.get(group, 0) + 1
        return found

    @property
    def summary(self) -> str:
        """One line for people."""
        counts = self.counts()
        parts = [
            f"Quality: {self.quality.value} ({self.score:.0f})",
            f"Turns: {self.turns} (efficiency {self.efficiency:.0%})",
        ]
        for layer in ("interaction", "execution", "environment"):
            found = [
                f"{group.partition('.')[2]}={count} (sev {severity(count)})"
                for group, count in counts.items()
                if group.startswith(layer)
            ]
            if found:
                parts.append(f"{layer.capitalize()}: {', '.join(found)}")
        if any(signal.type.endswith(".escalation") for signal in self.signals):
            parts.append("Escalation requested")
        return " | ".join(parts)


def severity(count: int) -> int:
    """Return how grave it is that a group has so many signals: 0, 1, 2 or 3."""
    return 0 if count <= 0 else 1 if count <= 2 else 2 if count <= 4 else 3


def efficiency(turns: int) -> float:
    """Return how efficient a conversation of so many user turns is; beyond five it drags."""
    return 1.0 if turns <= 5 else 1 / (1 + 0.25 * (turns - 5))

"""What the planner did, while it did it: actions, figures, and alerts where something is not as it should be."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from plano_agents.llm_planner.metadata import AGENT_METADATA, AgentMetadata

Level = Literal["warning", "critical"]


@dataclass(frozen=True, slots=True)
class Action:
    """Something that was done, at a time in seconds since 1970."""

    at: float
    name: str
    is_allowed: bool


@dataclass(frozen=True, slots=True)
class Alert:
    """Something that a person should know."""

    at: float
    level: Level
    message: str


@dataclass(slots=True)
class ActionMonitor:
    """Watches one run. `tell` is told of each alert at once."""

    metadata: AgentMetadata = AGENT_METADATA
    tell: Callable[[Alert], None] = lambda _: None
    now: Callable[[], float] = time.time
    slow_seconds: float = 120.0
    actions: list[Action] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)
    _began: float | None = None

    def begin(self) -> None:
        """Note that a run begins."""
        self._began = self.now()

    def did(self, name: str) -> None:
        """Note an action; one that is not allowed is an alert."""
        is_allowed = name in self.metadata.allowed_side_effects and name not in self.metadata.forbidden_actions
        self.actions.append(Action(self.now(), name, is_allowed))
        if not is_allowed:
            self.alert("critical", f"action '{name}' is not allowed to {self.metadata.agent_id}")

    def alert(self, level: Level, message: str) -> None:
        """Raise an alert."""
        found = Alert(self.now(), level, message)
        self.alerts.append(found)
        self.tell(found)

    def end(self, *, confidence: float) -> None:
        """Note that a run is over, and look whether it was as it should be."""
        if self._began is not None and self.now() - self._began > self.slow_seconds:
            self.alert("warning", f"the run took more than {self.slow_seconds:g} s")
        if 0 < confidence < self.metadata.confidence_threshold:
            self.alert("warning", f"confidence {confidence:.2f} is below {self.metadata.confidence_threshold}")

    def figures(self) -> dict[str, int]:
        """Return how often what was done."""
        counts = Counter(action.name for action in self.actions)
        return {**counts, "alerts": len(self.alerts)}

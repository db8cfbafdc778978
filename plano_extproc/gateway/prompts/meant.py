"""What a text asks for where there are prompt targets: one of them, or agents. Both are told apart in one look."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from plano_extproc.agents import Agent, Routed
from plano_extproc.prompts import Desk, described
from plano_extproc.routing.intent import Match, Matcher, Route, match_many

Compile = Callable[[list[Route]], Matcher]


@dataclass(slots=True)
class Meant:
    """One exchange's looks at texts. The last one is kept for who asks about agents, `matches` in the text's order."""

    text: str = ""
    matches: tuple[Match, ...] = ()
    score: float = 0.0


@dataclass(frozen=True, slots=True)
class Targets:
    """The targets and agents of one listener, compiled together, so that a text for an agent is for no target.

    `threshold` is how sure a match must be where the file says so. The agents come by their descriptions only.
    """

    matcher: Matcher
    names: frozenset[str]
    agents: frozenset[str]
    threshold: float | None = None

    @classmethod
    def of(cls, desk: Desk, agents: Sequence[Agent], compile_: Compile, threshold: float | None) -> "Targets":
        """Compile the targets of a desk, and the agents behind it."""
        targets = described(desk.targets)
        names = frozenset(name for name, _ in targets)
        others = [(agent.id, agent.description) for agent in agents if agent.id not in names]
        routes = [Route.described(name, description) for name, description in (*targets, *others)]
        return cls(compile_(routes), names, frozenset(name for name, _ in others), threshold)

    def look(self, text: str, kept: Meant) -> tuple[str | None, float]:
        """Return the target that a text is for, None where it is for none, and how sure that is, from 0 to 1."""
        matches = match_many(self.matcher, text)
        kept.text, kept.matches = text, matches
        found = next((one for one in matches if one.route and one.route.name in self.names), None)
        if found is not None and (self.threshold is None or found.score >= self.threshold):
            return found.route.name if found.route else None, found.score
        # A lower threshold than the matcher's own takes what it left out.
        scores = matches[0].scores
        best = max((name for name in scores if name in self.names), key=lambda name: scores[name], default=None)
        score = scores[best] if best is not None else 0.0
        takes = best is not None and self.threshold is not None and matches[0].route is None and score >= self.threshold
        return (best if takes else None), score

    def routed(self, kept: Meant) -> Routed | None:
        """Return the agents that the last text was for; None where it names none, and more must be looked at."""
        found = [one for one in kept.matches if one.route and one.route.name in self.agents]
        if not found:
            return None
        return Routed(tuple(one.route.name for one in found if one.route), "; ".join(one.reason for one in found))

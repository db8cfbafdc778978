"""Which target takes a conversation, without a model: words are matched, and questions of ours followed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from plano_extproc.config.prompts import PromptTarget
from plano_extproc.prompts.ask_back import asked_by
from plano_extproc.prompts.extract import extract, is_refusal
from plano_extproc.prompts.turns import Turn
from plano_extproc.prompts.words import tokens

Matcher = Callable[[str], tuple[str | None, float]]
"""From a prompt to the name of the target that it is for, or None, and how sure that is, from 0 to 1."""


@dataclass(frozen=True, slots=True)
class Match:
    """The target that takes a conversation, and what was said of its parameters. `missing` are those to ask for."""

    target: PromptTarget | None
    score: float
    reason: str
    values: Mapping[str, Any] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    unclear: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)


def match(turns: Sequence[Turn], targets: Sequence[PromptTarget], matcher: Matcher, today: date) -> Match:
    """Decide on the last turn, which is the user's.

    An answer to a question of ours goes to the target that asked, unless it plainly is about another one. Then what
    was said before the question counts too.
    """
    by_name = {target.name: target for target in targets}
    said = turns[-1].text
    run, pending, asked = _run(turns, targets)
    name, score = matcher(said)
    found = by_name.get(name) if name is not None else None
    if pending is None or (found is not None and found is not pending):
        if found is None:
            return Match(None, score, "no prompt target matches")
        return _gathered(found, [(said, frozenset())], turns[:-1], score, matcher, today, "matches its description")
    latest = extract(said, pending, today, asked)
    if is_refusal(said):
        return Match(None, score, f"the question of {pending.name} was turned down")
    answers = asked & {*latest.values, *latest.unclear}
    if not answers and found is None and ("?" in said or len(tokens(said)) > _SHORT):
        return Match(None, score, f"the question of {pending.name} was not answered")
    return _gathered(pending, [*run, (said, asked)], (), max(score, _ANSWERED), matcher, today, "answers its question")


_SHORT: Final = 8
_ANSWERED: Final = 0.9
_EARLIER: Final = 6
"""How many of the user's earlier turns are looked at."""

_Said = tuple[str, frozenset[str]]
"""A turn of the user's, and the parameters that it was asked for."""


def _run(
    turns: Sequence[Turn], targets: Sequence[PromptTarget]
) -> tuple[list[_Said], PromptTarget | None, frozenset[str]]:
    """Return what the user said up to the open question, the target that asks it, and for what."""
    questions = [(turn, asked_by(turn.text, targets) if turn.role == "assistant" else None) for turn in turns[:-1]]
    if not questions or questions[-1][1] is None:
        return [], None, frozenset()
    pending, asked = questions[-1][1]
    run: list[_Said] = []
    place = len(questions) - 1
    while place > 0:
        told = questions[place][1]
        if told is None or told[0] is not pending:
            break
        before = questions[place - 2][1] if place >= 2 else None
        was_asked = before[1] if before and before[0] is pending else frozenset[str]()
        run.insert(0, (turns[place - 1].text, was_asked))
        place -= 2
    return run, pending, asked


def _gathered(
    target: PromptTarget,
    said: Sequence[_Said],
    before: Sequence[Turn],
    score: float,
    matcher: Matcher,
    today: date,
    reason: str,
) -> Match:
    """Read the arguments; what is needed and not said now is looked up in earlier prompts for the same target."""
    values: dict[str, Any] = {}
    unclear: dict[str, tuple[Any, ...]] = {}
    for text, asked in said:
        read = extract(text, target, today, asked)
        values.update(read.values)
        unclear = {**unclear, **read.unclear}
        unclear = {name: held for name, held in unclear.items() if name not in read.values}
    needed = [one.name for one in target.parameters if target.needs(one)]
    earlier = [turn.text for turn in before if turn.role == "user"][-_EARLIER:]
    for text in reversed(earlier):
        lacking = [name for name in needed if name not in values and name not in unclear]
        if not lacking:
            break
        if matcher(text)[0] == target.name:
            told = extract(text, target, today).values
            values.update({name: told[name] for name in lacking if name in told})
    missing = tuple(name for name in (one.name for one in target.parameters) if _is_open(name, needed, values, unclear))
    return Match(target, score, reason, values, missing, unclear)


def _is_open(name: str, needed: Sequence[str], values: Mapping[str, Any], unclear: Mapping[str, Any]) -> bool:
    return name not in values and (name in needed or name in unclear)

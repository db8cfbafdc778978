"""How strongly the words around a value say which parameter it is for."""

import re
from typing import Final

from plano_extproc.config.prompts import Parameter, PromptTarget
from plano_extproc.prompts.words import PREPOSITIONS, Found, parts, stem, tokens

NAMED: Final = 3
"""The parameter's own words, or those of the target's template, stand beside the value."""


def strength(value: Found, text: str, parameter: Parameter, target: PromptTarget) -> int:
    """Return 0 where nothing beside the value speaks for the parameter, more the plainer it is said."""
    before = [token.value.lower() for token in tokens(_clause_before(text, value.start))[-3:]]
    after = [token.value.lower() for token in tokens(text[value.end : value.end + 40])[:2]]
    if not re.match(r"\s*[\w']", text[value.end :]):
        after = []
    return max(
        _slot(before, after, parameter, target), _name(before, after, parameter), _role(before, after, parameter)
    )


def _clause_before(text: str, start: int) -> str:
    return re.split(r"[,;:.!?\n](?=\s)", text[:start])[-1]


def _slot(before: list[str], after: list[str], parameter: Parameter, target: PromptTarget) -> int:
    """Compare with the words beside `{name}` in the description."""
    head, found, tail = target.description.partition(f"{{{parameter.name}}}")
    if not found:
        return 0
    lead = [token.value.lower() for token in tokens(head)[-1:]] if re.search(r"\w\s*$", head) else []
    follow = [token.value.lower() for token in tokens(tail)[:1]] if re.match(r"\s*\w", tail) else []
    if lead and before[-1:] == lead:
        return NAMED + 1
    return NAMED if follow and after[:1] == follow and follow[0] not in PREPOSITIONS else 0


def _name(before: list[str], after: list[str], parameter: Parameter) -> int:
    own = {stem(part) for part in parts(parameter.name)} - _EMPTY
    near = [stem(word) for word in before if word not in _GLUE]
    if near and near[-1] in own:
        return NAMED + (1 if len(near) > 1 and near[-2] in own else 0)
    return NAMED if after and stem(after[0]) in own else 0


def _role(before: list[str], after: list[str], parameter: Parameter) -> int:
    own = {stem(part) for part in parts(parameter.name)}
    last = before[-1] if before else ""
    if last in _ARTICLES and len(before) > 1:
        last = before[-2]
    if last == "to" and len(before) > 1 and before[-2] in _BEFORE_VERBS:
        return 0
    for names, leads, follows in ROLES:
        if own & names and (last in leads or " ".join(before[-2:]) in leads):
            return 2
        if own & names and after and after[0] in follows:
            return 1
    return 1 if last in _ANY_ROLE and not any(own & names for names in _DIRECTED) else 0


_GLUE: Final = frozenset(
    {"is", "of", "the", "a", "an", "to", "be", "as", "for", "equals", "number", "no", "id", "code"}
)
_EMPTY: Final = frozenset({"from", "to", "in", "of", "the", "is", "name", "max", "min", "number", "start", "end"})
_ARTICLES: Final = frozenset({"the", "a", "an"})
_BEFORE_VERBS: Final = frozenset(
    {"want", "wants", "going", "like", "need", "needs", "able", "have", "how", "try", "love"}
)
"""Where one of these stands before "to", a verb follows."""

_ANY_ROLE: Final = frozenset({"for", "of", "in", "at", "called", "named", "about"})

_FROM: Final = frozenset(
    {"from", "origin", "source", "start", "begin", "departure", "depart", "base", "since", "sender"}
)
_TO: Final = frozenset(
    {"to", "destination", "target", "end", "until", "arrival", "arrive", "return", "dest", "recipient"}
)
_DIRECTED: Final = (_FROM, _TO)

ROLES: Final[tuple[tuple[frozenset[str], frozenset[str], frozenset[str]], ...]] = (
    (
        _FROM | {"checkin"},
        frozenset({"from", "starting", "since", "between", "leaving", "departing", "after", "check in", "checking in"}),
        frozenset({"to", "into", "until", "till"}),
    ),
    (
        _TO | {"checkout", "symbol"},
        frozenset(
            {"to", "into", "until", "till", "through", "before", "reaching", "arriving", "returning", "check out"}
        ),
        frozenset(),
    ),
    (
        frozenset({"city", "location", "place", "country", "region", "town", "area", "state", "address", "where"}),
        frozenset({"in", "at", "near", "for", "around", "of", "within"}),
        frozenset(),
    ),
    (frozenset({"artist", "author", "director", "writer"}), frozenset({"by", "from"}), frozenset()),
    (frozenset({"min", "minimum", "least"}), frozenset({"least", "over", "above", "than", "between"}), frozenset()),
    (
        frozenset({"max", "maximum", "most", "limit", "top"}),
        frozenset({"most", "under", "below", "to", "top"}),
        frozenset(),
    ),
    (
        frozenset({"query", "topic", "subject", "question", "keyword", "term"}),
        frozenset({"about", "for", "on"}),
        frozenset(),
    ),
    (frozenset({"name", "title"}), frozenset({"called", "named", "titled", "for"}), frozenset()),
    (frozenset({"date", "day", "when"}), frozenset({"on", "for", "by"}), frozenset()),
    (frozenset({"time", "hour"}), frozenset({"at"}), frozenset()),
)
"""Words of a parameter's name, and the words that stand before and after a value that plays this role."""


def order(parameter: Parameter) -> int:
    """Return where a parameter of a pair is usually said: what something comes from before what it goes to."""
    own = {stem(part) for part in parts(parameter.name)}
    if own & (_FROM | {"checkin", "min"}) or {"check", "in"} <= own:
        return -1
    return 1 if own & (_TO | {"checkout", "max"}) or {"check", "out"} <= own else 0

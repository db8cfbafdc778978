"""Keys that are read and checked, and do nothing yet. An entry goes when its feature comes."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from pydantic import BaseModel

from plano_extproc.config.checks.finding import Check, Finding, Loc, Subject

NO_EFFECT_YET: Final[Mapping[str, str]] = {}
"""Key paths, and the feature that they wait for. Items of a list with a `type` are told apart by it."""

NO_EFFECT: Final[frozenset[str]] = frozenset(
    {
        "mode",
        "overrides.use_agent_orchestrator",
        "routing.llm_provider",
        "routing.model",
        "tracing.trace_arch_internal",
    }
)
"""Key paths that are read for compatibility only."""

_GUARDS: Final = re.compile(
    r"clients\[\]\.\w+|governance|ratelimits|listeners\[\w+\]\.(agents\[\]\.)?(clients|jwt|input_filters)"
)
"""Keys whose lack of effect lets something through."""


def keys_have_an_effect(subject: Subject) -> Iterator[Finding]:
    """Find keys that do nothing."""
    for pattern, loc in _set_keys(subject.config, "", ()):
        if pattern in NO_EFFECT:
            yield Finding(loc, "has no effect", "Remove it.", "warning")
        elif pattern in NO_EFFECT_YET:
            hint = "Do not rely on it: nothing is refused." if _GUARDS.fullmatch(pattern) else ""
            yield Finding(
                loc, f"has no effect yet: {NO_EFFECT_YET[pattern]} will come with a later release", hint, "warning"
            )


def _set_keys(value: Any, pattern: str, loc: Loc) -> Iterator[tuple[str, Loc]]:
    """Yield the keys without effect that the file sets, outermost first.

    What stands below one is not named again, but for what stands below a listener. A key that is set to false is left
    out: nothing was wanted.
    """
    if pattern in NO_EFFECT_YET or pattern in NO_EFFECT:
        if value is not False:
            yield pattern, loc
        if not pattern.endswith("]"):
            return
    if isinstance(value, BaseModel):
        for name in sorted(value.model_fields_set):
            key = type(value).model_fields[name].alias or name
            yield from _set_keys(getattr(value, name), f"{pattern}.{key}" if pattern else key, (*loc, key))
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            kind = item.type if pattern == "listeners" and hasattr(item, "type") else ""
            yield from _set_keys(item, f"{pattern}[{kind}]", (*loc, index))


CHECKS: Final[tuple[Check, ...]] = (keys_have_an_effect,)

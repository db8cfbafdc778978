"""Keys that are read for compatibility, and do nothing."""

from collections.abc import Iterator
from typing import Any, Final

from pydantic import BaseModel

from plano_extproc.config.checks.finding import Check, Finding, Loc, Subject

NO_EFFECT: Final[frozenset[str]] = frozenset(
    {
        "mode",
        "overrides.use_agent_orchestrator",
        "routing.llm_provider",
        "routing.model",
        "tracing.trace_arch_internal",
    }
)
"""Key paths."""


def keys_have_an_effect(subject: Subject) -> Iterator[Finding]:
    """Find keys that do nothing."""
    for loc in _set_keys(subject.config, "", ()):
        yield Finding(loc, "has no effect", "Remove it.", "warning")


def _set_keys(value: Any, path: str, loc: Loc) -> Iterator[Loc]:
    """Yield the keys without effect that the file sets. One that is set to false is left out: nothing was wanted."""
    if path in NO_EFFECT:
        if value is not False:
            yield loc
    elif isinstance(value, BaseModel):
        for name in sorted(value.model_fields_set):
            key = type(value).model_fields[name].alias or name
            yield from _set_keys(getattr(value, name), f"{path}.{key}" if path else key, (*loc, key))
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from _set_keys(item, f"{path}[]", (*loc, index))


CHECKS: Final[tuple[Check, ...]] = (keys_have_an_effect,)

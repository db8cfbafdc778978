"""Keys that the version of the file does not have."""

from collections.abc import Iterator
from typing import Any, Final

from pydantic import BaseModel

from plano_extproc.config.checks.finding import Check, Finding, Loc, Subject


def keys_are_of_the_version(subject: Subject) -> Iterator[Finding]:
    """Find new keys in old files: defaults differ between versions, so the author must choose one."""
    if subject.is_old:
        for loc in _new_keys(subject.config, ()):
            yield Finding(loc, "is unknown in this version", "Write 'version: v0.5.0' to use it.")


def _new_keys(value: Any, loc: Loc) -> Iterator[Loc]:
    if isinstance(value, BaseModel):
        for name in sorted(value.model_fields_set):
            info = type(value).model_fields[name]
            below = (*loc, info.alias or name)
            if info.json_schema_extra:
                yield below
            else:
                yield from _new_keys(getattr(value, name), below)
    elif isinstance(value, (tuple, dict)):
        entries = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in entries:
            yield from _new_keys(item, (*loc, key))


CHECKS: Final[tuple[Check, ...]] = (keys_are_of_the_version,)

"""What no single value shows: every check is run, always, on a configuration whose values are each right."""

from collections.abc import Iterator
from itertools import chain
from typing import Final

from plano_extproc.config.checks import aws, effects, listeners, policies, providers, references, versions
from plano_extproc.config.checks.finding import Check, Finding, Subject

CHECKS: Final[tuple[Check, ...]] = (
    *versions.CHECKS,
    *listeners.CHECKS,
    *providers.CHECKS,
    *aws.CHECKS,
    *policies.CHECKS,
    *references.CHECKS,
    *effects.CHECKS,
)

_NEED_ALL_ENTRIES: Final[frozenset[Check]] = frozenset((*references.CHECKS, providers.files_have_models))
"""Checks that a missing entry misleads."""


def findings(subject: Subject, *, lost_entries: bool) -> Iterator[Finding]:
    """Run the checks. After a loss of whole entries, those that would blame others for it are left out."""
    checks = (check for check in CHECKS if not (lost_entries and check in _NEED_ALL_ENTRIES))
    return chain.from_iterable(check(subject) for check in checks)

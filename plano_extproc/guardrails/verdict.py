"""What guards say of an exchange: let pass, replace, or refuse; and the record of it, which never holds the text."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from plano_extproc.errors import GatewayError
from plano_extproc.guardrails.redaction import Restore
from plano_extproc.translate.texts import Path

Direction = Literal["input", "output"]
GuardName = Literal["jailbreak", "topics", "pii", "moderation"]
Word = Literal["allow", "redact", "restore", "block", "error"]
"""`error` is a guard that failed; whether the exchange went on says `on_error`, and `blocked` in the record."""


class Refused(GatewayError):
    """A guard's refusal, with the status and the message that the configuration gives it."""

    type = "invalid_request_error"

    def __init__(self, guard: GuardName, message: str, status: int) -> None:
        super().__init__(message, code="content_filter")
        self.guard = guard
        self.status = status


@dataclass(frozen=True, slots=True)
class Record:
    """One guard's work on one exchange, for logs and metrics."""

    guard: GuardName
    direction: Direction
    verdict: Word
    milliseconds: float
    count: int = 0
    """Matches of personal data."""
    blocked: bool = False


@dataclass(frozen=True, slots=True)
class Allow:
    """Nothing to do."""


@dataclass(frozen=True, slots=True)
class Redact:
    """Go on with other texts in these places: `texts.replaced(request, edits)`.

    `restore` is what the answer's texts are turned back with, where the configuration says so.
    """

    edits: Mapping[Path, str] = field(repr=False)
    restore: Restore | None = None


@dataclass(frozen=True, slots=True)
class Block:
    """Answer with this; call nobody."""

    refusal: Refused


Verdict = Allow | Redact | Block


@dataclass(frozen=True, slots=True)
class Checked:
    """The verdict of all guards of one direction, and what each of them did."""

    verdict: Verdict
    records: tuple[Record, ...]

"""The ledger: one row for every decision about an agent, each chained to the one before by its hash.

A node has one chain, however many workers write to it. A row's hash is SHA-256 over the hash before it and all of the
row's values, in one fixed form: no value can be changed, no row taken out, put in or moved without a hash that no
longer fits. Rows that are missing at the end show by the chain's head, which is kept beside the rows. Someone who may
write both could compute all hashes anew; a head that was noted elsewhere tells that too.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Final

import orjson

from plano_extproc.governance.declared import Decision

GENESIS: Final = "0" * 64
"""The hash before the first row."""

FORM: Final = 1
"""The form in which values are hashed; a row says which one is its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One decision.

    `at` is in millionths of a second since 1970, `nanos` in billionths of a dollar, None where the price is not known.
    `action` says what the agent did or wanted: `serve`, `call_model`, or `tool:` and a name. `reason` says why it was
    decided so; it holds no words of a prompt or an answer.
    """

    at: int
    tenant: str
    agent: str
    tier: int
    client: str
    action: str
    decision: Decision
    confidence: float | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    nanos: int | None = None
    model: str = ""
    status: int = 0
    trace_id: str = ""
    request_id: str = ""
    reason: str = ""
    side_effects: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """An entry in its place: the `number`th of a node's chain, counted from 1."""

    node: str
    number: int
    entry: Entry
    previous: str
    hash: str
    form: int = FORM


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a chain: how many rows it has, and the hash of the last."""

    number: int = 0
    hash: str = GENESIS


@dataclass(frozen=True, slots=True)
class Broken:
    """Where a chain does not hold: the first row that is wrong, and how."""

    node: str
    number: int
    problem: str


@dataclass(slots=True)
class Verification:
    """Checks rows as they come: node by node, in order of their numbers."""

    heads: dict[str, Head] = field(default_factory=dict)
    broken: list[Broken] = field(default_factory=list)

    def take(self, row: Row) -> None:
        """Check one row; after the first that is wrong, its chain is not looked at any more."""
        if any(one.node == row.node for one in self.broken):
            return
        head = self.heads.get(row.node, Head())
        problem = _problem(row, head)
        if problem is not None:
            self.broken.append(Broken(row.node, head.number + 1, problem))
            return
        self.heads[row.node] = Head(row.number, row.hash)

    def end(self, kept: Mapping[str, Head]) -> None:
        """Compare with the heads that were kept beside the rows, by node."""
        wrong = {one.node for one in self.broken}
        for node in sorted({*kept, *self.heads} - wrong):
            found, expected = self.heads.get(node, Head()), kept.get(node)
            if expected is None:
                self.broken.append(Broken(node, found.number, "the head of this chain is missing"))
            elif found.number < expected.number:
                missing = expected.number - found.number
                self.broken.append(Broken(node, found.number + 1, f"{missing} of the last rows are missing"))
            elif found != expected:
                self.broken.append(Broken(node, found.number, "the head of this chain belongs to other rows"))


def chained(entries: Iterable[Entry], node: str, head: Head) -> tuple[list[Row], Head]:
    """Return the rows for entries that follow a chain's head, and the new head."""
    rows: list[Row] = []
    for entry in entries:
        number = head.number + 1
        digest = hashed(FORM, node, number, entry, head.hash)
        rows.append(Row(node, number, entry, head.hash, digest))
        head = Head(number, digest)
    return rows, head


def hashed(form: int, node: str, number: int, entry: Entry, previous: str) -> str:
    """Return the hash of a row, in hex."""
    values = [getattr(entry, name) for name in _VALUES]
    said = orjson.dumps([form, node, number, previous, *values])
    return hashlib.sha256(said).hexdigest()


def _problem(row: Row, head: Head) -> str | None:
    if row.number != head.number + 1:
        return "a row is missing" if row.number > head.number + 1 else "a row stands twice"
    if row.form != FORM:
        return f"the row is of form {row.form}, which this version does not know"
    if row.previous != head.hash:
        return "the row does not follow the one before it"
    if row.hash != hashed(row.form, row.node, row.number, row.entry, row.previous):
        return "the row was changed"
    return None


_VALUES: Final = tuple(one.name for one in fields(Entry))

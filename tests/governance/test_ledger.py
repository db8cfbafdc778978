"""The chain of a ledger: whatever is changed is found."""

from dataclasses import fields, replace
from typing import Any

import pytest

from plano_extproc.governance.ledger import GENESIS, Entry, Head, Row, Verification, chained


def entry(number: int) -> Entry:
    return Entry(
        at=1_800_000_000_000_000 + number,
        tenant="blue",
        agent="planner",
        tier=0,
        client="team",
        action="serve",
        decision="EXECUTE",
        confidence=0.1 * number,
        input_tokens=number,
        output_tokens=2,
        nanos=7,
        model="openai/gpt-4o",
        status=200,
        trace_id="t",
        request_id="r",
        reason="",
        side_effects=("tool:look",),
    )


def chain() -> tuple[list[Row], Head]:
    return chained([entry(number) for number in range(1, 6)], "n1", Head())


def verified(rows: list[Row], heads: dict[str, Head]) -> list[str]:
    verification = Verification()
    for row in rows:
        verification.take(row)
    verification.end(heads)
    return [f"{one.number} {one.problem}" for one in verification.broken]


def test_an_untouched_chain_holds() -> None:
    rows, head = chain()

    assert rows[0].previous == GENESIS
    assert head == Head(5, rows[-1].hash)
    assert verified(rows, {"n1": head}) == []


def test_a_chain_goes_on_where_it_ended() -> None:
    rows, head = chain()
    more, end = chained([entry(9)], "n1", head)

    assert verified([*rows, *more], {"n1": end}) == []


CHANGES: dict[str, Any] = {
    "at": 1, "tenant": "red", "agent": "x", "tier": 9, "client": "", "action": "tool:ssh", "decision": "SKIP",
    "confidence": None, "input_tokens": 0, "output_tokens": 0, "nanos": None, "model": "", "status": 500,
    "trace_id": "", "request_id": "", "reason": "none", "side_effects": (),
}  # fmt: skip


def test_every_value_has_a_case() -> None:
    assert set(CHANGES) == {one.name for one in fields(Entry)}


@pytest.mark.parametrize("name", list(CHANGES))
def test_a_changed_value_is_found(name: str) -> None:
    rows, head = chain()
    rows[2] = replace(rows[2], entry=replace(rows[2].entry, **{name: CHANGES[name]}))

    assert verified(rows, {"n1": head}) == ["3 the row was changed"]


def test_a_missing_row_is_found_wherever_it_was() -> None:
    rows, head = chain()

    assert verified(rows[1:], {"n1": head}) == ["1 a row is missing"]
    assert verified([*rows[:2], *rows[3:]], {"n1": head}) == ["3 a row is missing"]
    assert verified(rows[:3], {"n1": head}) == ["4 2 of the last rows are missing"]
    assert verified([], {"n1": head}) == ["1 5 of the last rows are missing"]


def test_a_row_put_in_moved_or_chained_anew_is_found() -> None:
    rows, head = chain()
    forged = chained([entry(8)], "n1", Head(2, rows[1].hash))[0]

    assert verified([*rows[:2], rows[1], *rows[2:]], {"n1": head}) == ["3 a row stands twice"]
    assert verified([*rows[:2], *forged, *rows[3:]], {"n1": head}) == ["4 the row does not follow the one before it"]
    assert verified([replace(rows[0], form=2)], {"n1": head}) == [
        "1 the row is of form 2, which this version does not know"
    ]


def test_a_whole_chain_made_anew_is_found_by_its_head() -> None:
    _, head = chain()
    other, _ = chained([entry(number + 1) for number in range(1, 6)], "n1", Head())

    assert verified(other, {"n1": head}) == ["5 the head of this chain belongs to other rows"]
    assert verified(other, {}) == ["5 the head of this chain is missing"]


def test_each_node_has_a_chain_of_its_own() -> None:
    rows, head = chain()
    others, end = chained([entry(1)], "n2", Head())

    assert verified([*rows, *others], {"n1": head, "n2": end}) == []
    assert verified([*rows[:2], *others], {"n1": head, "n2": end}) == ["3 3 of the last rows are missing"]

"""What an answer says of itself."""

import json

import pytest

from plano_extproc.governance import Declared, declared

OUTPUT = {
    "action": "plan",
    "decision": "ESCALATE",
    "confidence": 0.4,
    "side_effects": ["generate_plan", {"type": "llm"}],
}


@pytest.mark.parametrize("text", [json.dumps(OUTPUT), f"Here it is:\n```json\n{json.dumps(OUTPUT)}\n```\nDone."])
def test_an_object_alone_or_in_a_fence_is_read(text: str) -> None:
    assert declared(text) == Declared("ESCALATE", "plan", 0.4, ("generate_plan", "llm"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "The decision is EXECUTE.",
        "{}",
        '{"decision": "MAYBE"}',
        '["decision"]',
        '{"decision": ["SKIP"]',
        "decision" * 100_000,
    ],
)
def test_other_answers_declare_nothing(text: str) -> None:
    assert declared(text) is None


@pytest.mark.parametrize(("value", "read"), [(2, 1.0), (-1, 0.0), (True, None), ("0.9", None), (None, None)])
def test_a_confidence_is_a_share_or_nothing(value: object, read: float | None) -> None:
    found = declared(json.dumps({"decision": "SKIP", "confidence": value, "side_effects": "x", "action": 3}))

    assert found == Declared("SKIP", "", read, ())

from plano_extproc.translate.sealed import is_sealed, seal, unseal
from tests.translate.facts import to_messages

SEALED = seal("openai.responses", "rs_1:c2VjcmV0")


def test_state_is_read_by_its_own_dialect_only() -> None:
    assert unseal("openai.responses", SEALED) == "rs_1:c2VjcmV0"
    assert unseal("gemini.generate", SEALED) is None
    assert unseal("openai.responses", "c2ln") is None


def test_a_signature_of_claude_is_not_sealed() -> None:
    assert is_sealed(SEALED)
    assert not is_sealed("EqQBCkYIBxgCKkDx+/=")


def test_state_of_another_provider_is_not_given_to_claude() -> None:
    blocks = [
        {"type": "thinking", "thinking": "hm", "signature": SEALED},
        {"type": "redacted_thinking", "data": SEALED},
    ]
    turn = {"role": "assistant", "content": "x", "thinking_blocks": blocks}
    body, dropped = to_messages({"messages": [{"role": "user", "content": "hi"}, turn]})

    assert body["messages"][1]["content"] == [{"type": "text", "text": "x"}]
    assert dropped == ("messages[].reasoning_content", "messages[].thinking_blocks")

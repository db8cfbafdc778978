import orjson
import pytest

from plano_extproc.routing.answer import body, trace_id
from plano_extproc.routing.identity import Identity
from plano_extproc.routing.sessions import Decision

SESSION = Identity("s-1", is_explicit=True, prefix_hash=None)


def test_the_decided_model_stands_first() -> None:
    told = Decision("p/a", "code", "pinned", "p/b", "talk", is_pinned=True)

    assert orjson.loads(
        body(told, ("p/b", "p/a", "p/c"), "t", identity=SESSION, reasons=("lexical 'talk' 0.90", "session: pinned"))
    ) == {
        "models": ["p/a", "p/b", "p/c"],
        "route": "code",
        "trace_id": "t",
        "session_id": "s-1",
        "pinned": True,
        "switched": False,
        "reasons": ["lexical 'talk' 0.90", "session: pinned"],
    }


def test_no_route_is_none() -> None:
    told = Decision(None, None, "no_route", None, None)

    assert orjson.loads(body(told, (), "t")) == {
        "models": ["none"], "route": None, "trace_id": "t", "pinned": False, "switched": False, "reasons": []
    }  # fmt: skip


def test_a_replay_has_one_model() -> None:
    told = Decision("p/a", "code", "same_anchor", "p/a", "code", is_pinned=True)

    assert orjson.loads(body(told, ("p/a", "p/b"), "t", is_replay=True))["models"] == ["p/a"]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "0af7651916cd43dd8448eb211c80319c"),
        (None, "random"),
        (b"00-xyz-b7ad6b7169203331-01", "random"),
        (b"00-" + b"0" * 32 + b"-b7ad6b7169203331-01", "random"),
        (b"00-" + b"\xff" * 32 + b"-b7ad6b7169203331-01", "random"),
    ],
)
def test_the_trace_is_that_of_the_caller(header: bytes | None, expected: str) -> None:
    assert trace_id(header, "random") == expected

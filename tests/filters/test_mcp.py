"""Filters of type mcp: the handshake, the session, both kinds of replies."""

from typing import Any

import orjson
import pytest

from plano_extproc.errors import BadProviderAnswer, Relayed, TimedOut
from plano_extproc.filters import Record, Sessions, run
from plano_extproc.flow import Callout, CalloutFailed, Reply
from tests.filters.passing import PATH, filter_of, passing
from tests.support.flows import Script, drive, reply

BODY = b'{"messages": ["hi"]}'
GUARD = filter_of(url="http://h:10500/tools/mcp", tool="check")


class Server:
    """An MCP server: sessions by number, one tool. `as_sse` chooses the kind of its replies."""

    def __init__(self, *, as_sse: bool = False, version: str = "2025-06-18", has_sessions: bool = True) -> None:
        self.as_sse, self.version, self.has_sessions = as_sse, version, has_sessions
        self.session = 0
        self.seen: list[tuple[str, dict[str, bytes], Any]] = []
        self.result: Any = {"structuredContent": {"result": {"messages": ["filtered"]}}}
        self.unknown = 404

    def __call__(self, question: Callout) -> Reply | CalloutFailed:
        message, headers = orjson.loads(question.body), dict(question.headers)
        self.seen.append((message["method"], headers, message))
        if message["method"] == "initialize":
            self.session += 1
            own = {"mcp_session_id": f"s{self.session}"} if self.has_sessions else {}
            return self._reply(message["id"], {"result": {"protocolVersion": self.version}}, **own)
        if self.has_sessions and headers.get("mcp-session-id") != b"s%d" % self.session:
            return reply(b"", self.unknown)
        if "id" not in message:
            return reply(b"", 202)
        return self._reply(message["id"], {"result": self.result})

    def _reply(self, number: int, told: dict[str, Any], **headers: str) -> Reply:
        answer = {"jsonrpc": "2.0", "id": number, **told}
        if not self.as_sse:
            return reply(answer, **headers)
        halves = orjson.dumps(answer, option=orjson.OPT_INDENT_2).split(b"\n")
        lines = b"".join(b"data: " + line + b"\r\n" for line in halves)
        other = b'event: message\r\ndata: {"jsonrpc":"2.0","method":"notifications/progress","params":{}}\r\n\r\n'
        return reply(
            b": hi\r\n\r\n" + other + b"id: 1\r\n" + lines + b"\r\n", content_type="text/event-stream", **headers
        )


def filtered(server: Any, sessions: Sessions, body: bytes = BODY, records: list[Record] | None = None) -> bytes:
    return drive(run([GUARD], body, passing(records), sessions), server)


@pytest.mark.parametrize("as_sse", [False, True])
def test_a_call_is_a_handshake_and_the_tool_with_body_and_path(as_sse: bool) -> None:
    server = Server(as_sse=as_sse)

    assert orjson.loads(filtered(server, Sessions())) == {"messages": ["filtered"]}
    assert [method for method, _, _ in server.seen] == ["initialize", "notifications/initialized", "tools/call"]
    assert server.seen[2][2]["params"] == {
        "name": "check",
        "arguments": {"body": {"messages": ["hi"]}, "path": PATH},
    }


def test_requests_go_to_the_url_with_version_and_session_and_no_credential() -> None:
    server = Server()
    questions: list[Callout] = []
    drive(run([GUARD], BODY, passing(), Sessions()), lambda one: (questions.append(one), server(one))[1])

    assert {one.path for one in questions} == {"/tools/mcp"}
    headers = dict(questions[2].headers)
    assert headers["mcp-session-id"] == b"s1"
    assert headers["mcp-protocol-version"] == b"2025-06-18"
    assert headers["accept"] == b"application/json, text/event-stream"
    assert headers["x-request-id"] == b"r1"
    assert "authorization" not in headers
    assert "mcp-session-id" not in dict(questions[0].headers)


def test_a_session_is_used_again_and_ids_never_are() -> None:
    server, sessions = Server(), Sessions()
    for _ in range(3):
        filtered(server, sessions)

    assert [method for method, _, _ in server.seen].count("initialize") == 1
    numbers = [message["id"] for _, _, message in server.seen if "id" in message]
    assert len(set(numbers)) == len(numbers)


@pytest.mark.parametrize("status", [404, 400])
def test_a_forgotten_session_is_opened_again(status: int) -> None:
    server, sessions = Server(), Sessions()
    filtered(server, sessions)
    server.session, server.unknown = 7, status

    assert orjson.loads(filtered(server, sessions)) == {"messages": ["filtered"]}
    assert [method for method, _, _ in server.seen].count("initialize") == 2


def test_a_server_may_keep_no_sessions() -> None:
    server = Server(has_sessions=False)
    filtered(server, Sessions())

    assert "mcp-session-id" not in server.seen[2][1]


def test_a_server_without_handshake_is_told_everything_in_each_request() -> None:
    seen: list[dict[str, Any]] = []

    def server(question: Callout) -> Reply:
        message = orjson.loads(question.body)
        if message["method"] == "initialize":
            return reply({"jsonrpc": "2.0", "id": message["id"], "error": {"code": -32601, "message": "?"}}, 404)
        seen.append(message | {"headers": dict(question.headers)})
        return reply({"jsonrpc": "2.0", "id": message["id"], "result": {"structuredContent": {"a": 1}}})

    sessions = Sessions()
    assert filtered(server, sessions) == filtered(server, sessions) == b'{"a":1}'
    assert len(seen) == 2
    assert seen[0]["params"]["_meta"]["io.modelcontextprotocol/protocolVersion"] == "2026-07-28"
    assert seen[0]["headers"]["mcp-protocol-version"] == b"2026-07-28"
    assert seen[0]["headers"]["mcp-name"] == b"check"


@pytest.mark.parametrize(
    ("result", "made"),
    [
        ({"structuredContent": {"result": {"a": 1}}}, b'{"a":1}'),
        ({"structuredContent": {"a": 1}}, b'{"a":1}'),
        ({"structuredContent": {"result": '{"a": 1}'}}, b'{"a":1}'),
        ({"content": [{"type": "text", "text": '{"a": 1}'}]}, b'{"a":1}'),
        ({"structuredContent": {"result": {"messages": ["hi"]}}}, BODY),
    ],
)
def test_the_body_comes_back_in_several_ways(result: Any, made: bytes) -> None:
    server = Server()
    server.result = result

    assert filtered(server, Sessions()) == made


def test_an_error_of_the_tool_refuses() -> None:
    server, records = Server(), []  # type: tuple[Server, list[Record]]
    server.result = {"isError": True, "content": [{"type": "text", "text": "no weapons"}]}
    with pytest.raises(Relayed) as caught:
        filtered(server, Sessions(), records=records)

    assert (caught.value.status, caught.value.message) == (400, "no weapons")
    assert records[0].outcome == "refused"


def test_a_refusal_by_status_is_shown() -> None:
    script = Script(
        reply({"jsonrpc": "2.0", "id": 1, "result": {"protocolVersion": "2025-06-18"}}),
        reply(b"", 202),
        reply(b"no", 403),
    )
    with pytest.raises(Relayed) as caught:
        filtered(script, Sessions())

    assert caught.value.status == 403


INIT = reply({"jsonrpc": "2.0", "id": 1, "result": {"protocolVersion": "2025-06-18"}})


@pytest.mark.parametrize(
    ("answers", "kind"),
    [
        ([CalloutFailed("unreachable")], BadProviderAnswer),
        ([CalloutFailed("timeout")], TimedOut),
        ([reply(b"", 500)], BadProviderAnswer),
        ([reply(b"Not Found", 404)], BadProviderAnswer),
        ([reply(b"garbage")], BadProviderAnswer),
        ([reply({"jsonrpc": "2.0", "id": 1, "result": {}})], BadProviderAnswer),
        ([INIT, reply(b"", 202), reply(b"", 202)], BadProviderAnswer),
        ([INIT, reply(b"", 202), reply({"jsonrpc": "2.0", "id": 99, "result": {}})], BadProviderAnswer),
        ([INIT, reply(b"", 202), reply({"jsonrpc": "2.0", "id": 2, "error": {"code": -1}})], BadProviderAnswer),
        ([INIT, reply(b"", 202), reply({"jsonrpc": "2.0", "id": 2, "result": {"content": []}})], BadProviderAnswer),
        ([INIT, reply(b"", 202), reply({"jsonrpc": "2.0", "id": 2, "result": {"structuredContent": {"result": 3}}})],
         BadProviderAnswer),
        ([INIT, reply(b"", 202), reply(b"", 503)], BadProviderAnswer),
    ],
)  # fmt: skip
def test_nonsense_is_a_filter_that_failed(answers: list[Any], kind: type) -> None:
    with pytest.raises(kind):
        filtered(Script(*answers), Sessions())


def test_the_time_of_a_call_is_that_of_all_its_requests() -> None:
    now = [0.0]
    server = Server()

    def slow(question: Callout) -> Reply | CalloutFailed:
        now[0] += 4.0
        return server(question)

    questions: list[float] = []
    with pytest.raises(TimedOut):
        drive(
            run([filter_of(timeout="10s")], BODY, passing(clock=lambda: now[0]), Sessions()),
            lambda one: (questions.append(one.timeout), slow(one), slow(one))[1],
        )

    assert questions == [10.0, 2.0]


def test_closing_says_goodbye_to_each_session() -> None:
    server, sessions = Server(), Sessions()
    filtered(server, sessions)
    script = Script(reply(b"", 200))
    drive(sessions.close(1.0), script)

    assert [(one.method, one.path, dict(one.headers)["mcp-session-id"]) for one in script.questions] == [
        ("DELETE", "/tools/mcp", b"s1")
    ]
    assert sessions.get(GUARD) is None

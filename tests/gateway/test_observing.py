"""What an exchange's span and figures say of it, without Envoy."""

import json
from collections.abc import Awaitable
from typing import Any

import pytest

from plano_extproc.config import load
from plano_extproc.config.telemetry import Tracing
from plano_extproc.flow import Callout, CalloutFailed, ModelCall, Reply
from plano_extproc.gateway import Exchange, Gateway, Ports
from plano_extproc.gateway import gateway as assembled
from plano_extproc.gateway.actions import Continue
from plano_extproc.gateway.ask import Ask
from plano_extproc.gateway.events import RequestBody, RequestHeaders, ResponseBody, ResponseHeaders
from plano_extproc.gateway.outside import Outside
from plano_extproc.gateway.surface import Surface
from plano_extproc.signals import Conversations
from plano_extproc.telemetry import figures
from plano_extproc.telemetry.spans import Context, Span
from plano_extproc.telemetry.tracing import Tracer
from tests.gateway.support import CONFIG, ENVIRON, Counts

TRACE = f"00-{'a' * 32}-{'b' * 16}-01"
UNSAMPLED = f"00-{'a' * 32}-{'b' * 16}-00"
TOLD = {
    "id": "x", "object": "chat.completion", "created": 1, "model": "gpt-4o",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hi"}}],
    "usage": {"prompt_tokens": 1000, "completion_tokens": 10, "total_tokens": 1010},
}  # fmt: skip

ROUTED = """
routing_preferences:
  - {name: poems, description: "writing poems and songs, such as: write a poem", models: [openai/gpt-4o]}
overrides: {llm_routing_model: openai/gpt-4o}
"""


class Stand:
    """A gateway that keeps its spans, and what it sends to the outside."""

    def __init__(self, tracing: dict[str, Any] | None = None, text: str = CONFIG) -> None:
        self.spans: list[Span] = []
        self.sent: list[Callout] = []
        self.lost = ""
        self.counts = Counts()
        found = {"random_sampling": 100, "opentracing_grpc_endpoint": "http://localhost:4317", **(tracing or {})}
        ids = iter(range(1, 1000))
        tracer = Tracer(Tracing.model_validate(found), self.spans.append, lambda _: next(ids))
        ticks = iter(range(1_000_000))
        conversations = Conversations()
        ports = Ports(
            clock=lambda: next(ticks) / 1000,
            now=lambda: 1_700_000_000.0 + next(ticks) / 1000,
            metrics=self.counts,
            exposition=lambda: b"",
            tracer=lambda _: tracer,
            signals=lambda _: conversations,
            later=lambda doing: doing(),
            send=self._send,
            background=self._run,
        )
        config = load(text, environ=ENVIRON).config
        assert config is not None
        self.gateway: Gateway = assembled(config, generation=1, ports=ports)

    async def _send(self, callout: Callout) -> Reply:
        self.sent.append(callout)
        if self.lost:
            raise CalloutFailed(self.lost)
        return Reply(200, {}, b"{}")

    def _run(self, work: Any) -> None:
        with pytest.raises(StopIteration):
            work.send(None)

    def exchange(
        self, body: dict[str, Any], *, traceparent: str | None = TRACE, attempts: int = 1, **headers: str
    ) -> Continue:
        """Run one exchange to its end, and return what went to the provider."""
        one = Exchange(self.gateway, "models", traceparent=traceparent)
        sent = {":path": "/v1/chat/completions", ":method": "POST", "x-request-id": "r1"} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        one.handle(RequestHeaders({name: value.encode() for name, value in sent.items()}, False))
        action = one.handle(RequestBody(json.dumps(body).encode(), True))
        if isinstance(action, Continue):
            told = {":status": b"200", "content-type": b"application/json", "x-plano-attempts": b"%d" % attempts}
            one.handle(ResponseHeaders(told, False))
            if not one.is_done:
                one.handle(ResponseBody(json.dumps(TOLD).encode(), True))
        one.closed()
        return action  # type: ignore[return-value]


def asking(text: str = "Hello", **more: object) -> dict[str, Any]:
    return {"model": "fast", "messages": [{"role": "user", "content": text}], **more}


def test_a_call_of_a_model_is_a_span_below_envoys_with_its_routing_below_it() -> None:
    stand = Stand()
    stand.exchange(asking(temperature=0.5))
    routing, call = stand.spans

    assert call.name == "POST /v1/chat/completions fast -> gpt-4o"
    assert str(call.parent) == TRACE
    assert routing.parent == call.context
    assert call.attributes["llm.usage.prompt_tokens"] == 1000
    assert call.attributes["llm.usage.total_cost_usd"] == pytest.approx(0.0026)
    assert call.attributes["llm.temperature"] == 0.5
    assert call.attributes["request_id"] == "r1"
    assert call.attributes["signals.quality"] == "neutral"
    assert routing.attributes["route.selected_model"] == "openai/gpt-4o"


def test_the_provider_is_called_in_the_name_of_the_span() -> None:
    stand = Stand()
    action = stand.exchange(asking())

    assert dict(action.extra)["traceparent"] == str(stand.spans[1].context).encode()


def test_a_trace_that_is_not_recorded_makes_no_span_and_is_read_by_nobody() -> None:
    stand = Stand()
    action = stand.exchange(asking(), traceparent=UNSAMPLED)

    assert stand.spans == []
    assert dict(action.extra)["traceparent"] == UNSAMPLED.encode()


def test_a_refusal_is_a_span_that_failed() -> None:
    stand = Stand()
    stand.exchange({"model": "nobody/knows", "messages": [{"role": "user", "content": "x"}]})

    assert [span.status for span in stand.spans] == ["error"]
    assert stand.spans[0].attributes["http.status_code"] == 404


def test_words_of_the_user_are_told_only_where_that_is_configured() -> None:
    quiet, open_ = Stand(), Stand({"capture_messages": True})
    for stand in (quiet, open_):
        stand.exchange(asking("thanks, that fixed it"))

    assert "llm.user_message_preview" not in quiet.spans[1].attributes
    assert open_.spans[1].attributes["llm.user_message_preview"] == "thanks, that fixed it"
    [(name, _, about)] = [event for event in open_.spans[1].events if event[0].startswith("signal.")]
    assert (name, about["signal.snippet"]) == ("signal.interaction.satisfaction.success", "that fixed it")


def test_attributes_come_from_headers_and_the_file() -> None:
    stand = Stand({"span_attributes": {"header_prefixes": ["x-acme-"], "static": {"environment": "test"}}})
    stand.exchange(asking(), x_acme_user_id="u1")

    assert stand.spans[1].attributes["user.id"] == "u1"
    assert stand.spans[1].attributes["environment"] == "test"


def test_a_span_is_flagged_where_a_conversation_needs_a_look() -> None:
    stand = Stand()
    stand.exchange(asking("I give up"))

    assert stand.spans[1].name.endswith("gpt-4o 🚩")


async def test_who_is_asked_on_the_way_is_below_the_exchange() -> None:
    stand = Stand()
    ask = Ask("models", Surface("openai.chat"), {"traceparent": TRACE.encode()}, "")
    await Outside(stand.gateway, ask)(Callout("c", "POST", "/check", (), b"{}", "filter pii", 1.0))
    [span] = stand.spans
    [sent] = stand.sent

    assert (span.name, span.kind.service) == ("execute_raw_filter (pii)", "plano(filter)")
    assert str(span.parent) == TRACE
    assert dict(sent.headers)["traceparent"] == str(span.context).encode()
    assert Context.parse(str(span.context)) == span.context


async def test_filters_and_agents_on_the_way_are_named_and_agents_have_the_requests_attributes() -> None:
    stand = Stand({"span_attributes": {"header_prefixes": ["x-acme-"], "static": {"environment": "test"}}})
    ask = Ask("models", Surface("openai.chat"), {"traceparent": TRACE.encode(), "x-acme-user-id": b"u1"}, "")
    outside = Outside(stand.gateway, ask)
    await outside(Callout("c", "POST", "/check", (), b"{}", "filter pii", 1.0))
    said = b'{"messages": [{}, {}]}'
    await outside(Callout("c", "POST", "/v1/chat/completions", (), said, "agent weather", 1.0))
    screened, agent = (span.attributes for span in stand.spans)

    assert (screened["filter_name"], screened["agent_id"]) == ("pii", "pii")
    assert screened["agent_url"] == "https://filters.example.com/pii"
    assert (agent["agent_id"], agent["user.id"], agent["environment"]) == ("weather", "u1", "test")
    assert agent["message_count"] == 2


async def test_how_a_filter_is_spoken_to_is_told_by_the_file_and_not_by_what_it_is_sent() -> None:
    stand = Stand()
    outside = Outside(stand.gateway, Ask("models", Surface("openai.chat"), {"traceparent": TRACE.encode()}, ""))
    events = (("accept", b"text/event-stream"),)
    await outside(Callout("c", "POST", "/check", events, b"data: {}", "filter pii", 1.0))
    await outside(Callout("c", "POST", "/mcp", (), b"{}", "filter rules", 1.0))

    assert [span.name for span in stand.spans] == ["execute_raw_filter (pii)", "execute_mcp_filter_raw (rules)"]
    assert stand.spans[1].attributes["agent_url"] == "http://[::1]:8000/mcp"


def test_a_try_that_failed_before_the_one_that_answered_is_a_call_of_its_model_too() -> None:
    declared = "access_key: $OPENAI_API_KEY, default: true"
    stand = Stand(
        text=CONFIG.replace(declared, f"{declared}, retry_policy: {{fallback_models: [anthropic/claude-sonnet-4-5]}}")
    )
    stand.exchange({"model": "gpt-4o", "messages": [{"role": "user", "content": "Hi"}]}, attempts=2)

    assert [labels for figure, labels in stand.counts.counted if figure is figures.LLM_REQUESTS] == [
        ("openai", "gpt-4o", "error", "other"),
        ("anthropic", "claude-sonnet-4-5", "2xx", "none"),
    ]


@pytest.mark.parametrize(
    ("lost", "counted"),
    [("timeout", "timeout"), ("unreachable", "connect"), ("too_large", "parse"), ("reset", "other")],
)
async def test_why_a_model_that_was_asked_on_the_way_did_not_answer_is_counted(lost: str, counted: str) -> None:
    stand = Stand()
    stand.lost = lost
    ask = Ask("models", Surface("openai.chat"), {"traceparent": TRACE.encode()}, "")
    with pytest.raises(CalloutFailed):
        await Outside(stand.gateway, ask)(ModelCall("openai/gpt-4o", {"messages": []}, "router", 1.0))

    calls = [labels for figure, labels in stand.counts.counted if figure is figures.LLM_REQUESTS]
    assert calls == [("openai", "gpt-4o", "error", counted)]
    assert [(span.status, span.attributes["error.type"]) for span in stand.spans] == [("error", lost)]


async def test_why_a_router_did_not_decide_is_in_the_span() -> None:
    """The router answers with an empty object."""
    stand = Stand(text=CONFIG + ROUTED)
    one = Exchange(stand.gateway, "models", traceparent=TRACE)
    one.handle(RequestHeaders({":path": b"/v1/chat/completions", ":method": b"POST"}, False))
    deciding = one.handle(RequestBody(json.dumps(asking("Write a poem")).encode(), True))
    assert isinstance(deciding, Awaitable)
    await deciding
    one.handle(ResponseHeaders({":status": b"200", "content-type": b"application/json"}, False))
    one.handle(ResponseBody(json.dumps(TOLD).encode(), True))
    one.closed()
    call = next(span for span in stand.spans if span.name.startswith("POST "))

    assert [sent.what for sent in stand.sent] == ["router"]
    assert call.attributes["error.message"] == "router failed: no chat completion"
    assert call.attributes["routing.strategy"] == "lexical"
    assert "router failed: no chat completion" in str(call.attributes["routing.selection_reason"])

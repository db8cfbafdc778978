"""One HTTP exchange at the listener position: events in, actions out.

The order of events is Envoy's: request headers, request body, response headers, and response body where it was
asked for. `PHASES` at the foot says what each does. A `GatewayError` becomes an answer in the caller's dialect;
any other exception is a bug and escapes, so that the server ends the stream with an error status and Envoy
answers 503: an exchange never ends quietly, since Envoy would take that as leave to go on without us.
"""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote

from plano_extproc import apis, headers
from plano_extproc.apis import Api
from plano_extproc.config.policies import Client
from plano_extproc.errors import GatewayError, InvalidRequest, NotFound
from plano_extproc.gateway import local
from plano_extproc.gateway.actions import PROCEED, Action, Continue, Reply
from plano_extproc.gateway.answer import JSON, Answer
from plano_extproc.gateway.ask import Ask
from plano_extproc.gateway.build import Gateway
from plano_extproc.gateway.decide import Decision, decide, decide_on_upgrade
from plano_extproc.gateway.events import (
    Event,
    RequestBody,
    RequestHeaders,
    ResponseBody,
    ResponseHeaders,
    Trailers,
)
from plano_extproc.gateway.surface import surface, upgraded, without_keys

_KEPT = ("retry-after",)
"""Of a provider's headers, what an answer of our own in its place must not lose."""


class Exchange:
    """The state of one exchange. Used by one coroutine, made for each stream and thrown away with it.

    `is_done` says that the last answer was the last: Envoy has nothing more to ask, and the stream may end.
    """

    __slots__ = (
        "_answer", "_api", "_ask", "_decision", "_gateway", "_generation", "_listener", "_overhead", "_started",
        "is_done",
    )  # fmt: skip

    def __init__(self, gateway: Gateway, listener: str, generation: int | None = None) -> None:
        """Serve on `listener`; `generation` is the configuration that Envoy's route was rendered from, if it says."""
        self._gateway = gateway
        self._listener = listener
        self._generation = generation
        self.is_done = False
        self._api: Api = "openai.chat"
        self._ask: Ask | None = None
        self._started = 0.0
        self._overhead = 0.0
        self._decision: Decision | None = None
        self._answer: Answer | None = None

    def handle(self, event: Event) -> Action:
        """Return what to do about an event."""
        try:
            action = PHASES[type(event)](self, event)
        except GatewayError as error:
            action = local.refuse(self._api, error)
        if isinstance(action, Reply):
            self.is_done = True
            self._gateway.ports.metrics.answered(self._listener, self._api, "", "local", action.status)
        return action

    def on_request_headers(self, event: RequestHeaders) -> Action:
        """Answer what needs no provider; else wait for the body."""
        self._started = self._gateway.ports.clock()
        path, _, query = event.headers[":path"].decode("latin-1").partition("?")
        is_upgrade = _is_upgrade(event.headers)
        found = upgraded(path, query) if is_upgrade else surface(path)
        if found is None:
            return self._answer_locally(path, event.headers, query)
        self._api = found.api
        client = self._client(event.headers, query)
        self._ask = Ask(self._listener, found, event.headers, query and without_keys(query), client)
        if is_upgrade:
            return self._decided(decide_on_upgrade(self._gateway, self._ask))
        if event.end_of_stream:
            raise InvalidRequest("the request has no body; send a JSON object")
        return PROCEED

    def _client(self, sent: Mapping[str, bytes], query: str) -> Client | None:
        admission = self._gateway.admission
        return admission.admit(sent, query, self._listener) if admission.has_clients else None

    def _answer_locally(self, path: str, sent: Mapping[str, bytes], query: str) -> Reply:
        if path == "/readyz":
            return local.ready(self._gateway, self._generation)
        if path == "/metrics":
            return local.metrics(self._gateway)
        if path == "/v1/models" or path.startswith("/v1/models/"):
            return local.models(self._gateway, unquote(path), sent, self._client(sent, query))
        if path.startswith(apis.GEMINI_PREFIX):
            self._api = "gemini.generate"
            raise NotFound(f"nothing is served at {path}; served are {' and '.join(apis.GEMINI_METHODS)}")
        raise NotFound(f"nothing is served at {path}")

    def on_request_body(self, event: RequestBody) -> Action:
        """Decide."""
        assert self._ask is not None
        if self._ask.surface.endpoint == "count_tokens":
            counted = local.count_tokens(self._gateway, self._ask, event.body)
            if counted is not None:
                return counted
        return self._decided(decide(self._gateway, self._ask, event.body))

    def _decided(self, decision: Decision) -> Continue:
        self._decision = decision
        plan = decision.plan
        self._overhead = self._gateway.ports.clock() - self._started
        self._gateway.ports.metrics.decided(self._listener, plan.way.value, self._overhead)
        return Continue(decision.changes, decision.extra, decision.body, decision.own)

    def on_response_headers(self, event: ResponseHeaders) -> Action:
        """Explain the decision, and ask for the body where it must be read."""
        decision = self._decision
        if decision is None:
            # Envoy answered before we decided, for example a body over the limit.
            return PROCEED
        status = int(event.headers[":status"])
        plan, response = decision.served(event.headers)
        decision.count(self._gateway, event.headers, status)
        self._gateway.ports.metrics.answered(self._listener, self._api, plan.choice.name, plan.way.value, status)
        extra = [(headers.OVERHEAD_MS, b"%.2f" % (self._overhead * 1000))]
        if decision.reason:
            extra.append((headers.ROUTE_REASON, decision.reason.encode("ascii", "replace")))
        dropped = decision.dropped_by(event.headers)
        if dropped:
            extra.append((headers.DROPPED, dropped))
        if decision.translation is None:
            self.is_done = True
            return Continue(response[None], tuple(extra))
        answer = self._answer = Answer(self._api, decision.translation, status, event.headers)
        if event.end_of_stream:
            # No body will come, and a client expects one.
            kept = [(name, event.headers[name]) for name in _KEPT if name in event.headers]
            explained = (*response[None].set, *extra, *kept)
            return Reply(status, (*JSON, *explained), answer.translated(b""), local.details("provider_answer"))
        return Continue(response[answer.mode], (*extra, *answer.headers))

    def on_response_body(self, event: ResponseBody) -> Action:
        """Translate the answer, or its next chunk."""
        assert self._answer is not None
        return self._answer.take(event.body, event.end_of_stream)

    def on_trailers(self, event: Trailers) -> Action:  # noqa: ARG002
        """Leave trailers alone."""
        return PROCEED


def _is_upgrade(sent: Mapping[str, bytes]) -> bool:
    # The method stands in front; looking for a header that is not there reads them all.
    return sent.get(":method") == b"GET" and sent.get("upgrade", b"").lower() == b"websocket"


PHASES: dict[type[Event], Callable[[Exchange, Any], Action]] = {
    RequestHeaders: Exchange.on_request_headers,
    RequestBody: Exchange.on_request_body,
    ResponseHeaders: Exchange.on_response_headers,
    ResponseBody: Exchange.on_response_body,
    Trailers: Exchange.on_trailers,
}

"""One HTTP exchange at the listener position: events in, actions out.

The order of events is Envoy's: request headers, request body, response headers, and response body where it was
asked for. `PHASES` at the foot says what each does. A `GatewayError` becomes an answer in the caller's dialect;
any other exception is a bug and escapes, so that the server ends the stream with an error status and Envoy
answers 503: an exchange never ends quietly, since Envoy would take that as leave to go on without us.
"""

from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from plano_extproc import apis, headers
from plano_extproc.apis import Api
from plano_extproc.errors import BadProviderAnswer, GatewayError, InvalidRequest, NotFound
from plano_extproc.gateway import local
from plano_extproc.gateway.actions import PROCEED, Action, BodyMode, Continue, Reply
from plano_extproc.gateway.build import Gateway
from plano_extproc.gateway.decide import Decision, decide
from plano_extproc.gateway.events import (
    Event,
    RequestBody,
    RequestHeaders,
    ResponseBody,
    ResponseHeaders,
    Trailers,
)
from plano_extproc.gateway.plan import Way
from plano_extproc.translate import ContentDecoder, StreamTranslation, error_body

_EVENT_STREAM = b"text/event-stream"


class Exchange:
    """The state of one exchange. Used by one coroutine, made for each stream and thrown away with it."""

    __slots__ = (
        "_api", "_decision", "_decoder", "_gateway", "_generation", "_headers", "_listener", "_overhead",
        "_started", "_status", "_stream",
    )  # fmt: skip

    def __init__(self, gateway: Gateway, listener: str, generation: int | None = None) -> None:
        """Serve on `listener`; `generation` is the configuration that Envoy's route was rendered from, if it says."""
        self._gateway = gateway
        self._listener = listener
        self._generation = generation
        self._api: Api = "openai.chat"
        self._headers: dict[str, bytes] = {}
        self._started = 0.0
        self._overhead = 0.0
        self._decision: Decision | None = None
        self._status = 0
        self._stream: StreamTranslation | None = None
        self._decoder: ContentDecoder | None = None

    def handle(self, event: Event) -> Action:
        """Return what to do about an event."""
        try:
            action = PHASES[type(event)](self, event)
        except GatewayError as error:
            action = local.refuse(self._api, error)
        if isinstance(action, Reply):
            self._gateway.ports.metrics.answered(self._listener, self._api, "", "local", action.status)
        return action

    def on_request_headers(self, event: RequestHeaders) -> Action:
        """Answer what needs no provider; else wait for the body."""
        self._started = self._gateway.ports.clock()
        self._headers = event.headers
        path = event.headers[":path"].partition(b"?")[0].decode("latin-1")
        api = apis.BY_PATH.get(path)
        if api is None:
            return self._answer_locally(path)
        self._api = api
        if event.end_of_stream:
            raise InvalidRequest("the request has no body; send a JSON object")
        return PROCEED

    def _answer_locally(self, path: str) -> Reply:
        if path == "/readyz":
            return local.ready(self._gateway, self._generation)
        if path == "/metrics":
            return local.metrics(self._gateway)
        if path == "/v1/models" or path.startswith("/v1/models/"):
            return local.models(self._gateway, unquote(path), self._headers)
        raise NotFound(f"nothing is served at {path}")

    def on_request_body(self, event: RequestBody) -> Action:
        """Decide."""
        decision = decide(self._gateway, self._listener, self._api, self._headers, event.body)
        self._decision = decision
        plan = decision.plan
        self._overhead = self._gateway.ports.clock() - self._started
        self._gateway.ports.metrics.decided(self._listener, plan.way.value, self._overhead)
        return Continue(
            edits=plan.request,
            extra=decision.extra,
            body=decision.body,
            clear_route=True,
            metadata=plan.metadata,
        )

    def on_response_headers(self, event: ResponseHeaders) -> Action:
        """Explain the decision, and ask for the body where it must be read."""
        decision = self._decision
        if decision is None:
            # Envoy answered before we decided, for example a body over the limit.
            return PROCEED
        self._status = int(event.headers[":status"])
        plan = decision.plan
        self._gateway.ports.metrics.answered(
            self._listener, plan.client, plan.choice.name, plan.way.value, self._status
        )
        extra = [(headers.OVERHEAD_MS, b"%.2f" % (self._overhead * 1000))]
        if decision.dropped:
            extra.append((headers.DROPPED, ",".join(decision.dropped).encode("ascii", "replace")))
        mode = BodyMode.NONE
        if plan.way is Way.DIRECT and not event.end_of_stream:
            mode = self._read_answer(event, decision)
        return Continue(edits=plan.response, extra=tuple(extra), response_body=mode)

    def _read_answer(self, event: ResponseHeaders, decision: Decision) -> BodyMode:
        self._decoder = ContentDecoder(event.headers.get("content-encoding", b"identity"))
        is_stream = event.headers.get("content-type", b"").startswith(_EVENT_STREAM)
        if is_stream and self._status < 300 and decision.translation:
            self._stream = decision.translation.stream()
            return BodyMode.STREAMED
        return BodyMode.BUFFERED

    def on_response_body(self, event: ResponseBody) -> Action:
        """Translate the answer, or its next chunk."""
        decision = self._decision
        assert decision is not None
        assert decision.translation is not None
        assert self._decoder is not None
        if self._stream is not None:
            return Continue(
                body=self._stream.feed(self._decoder.feed(event.body, event.end_of_stream), event.end_of_stream)
            )
        plain = self._decoder.feed(event.body, end=True)
        if self._status >= 400:
            return _whole(decision.translation.error(self._status, plain))
        try:
            return _whole(decision.translation.response(plain))
        except BadProviderAnswer as error:
            # The headers are still held, but an immediate response is too late here: the status is rewritten.
            return _whole(error_body(self._api, error), (":status", b"%d" % error.status))

    def on_trailers(self, event: Trailers) -> Action:  # noqa: ARG002
        """Leave trailers alone."""
        return PROCEED


def _whole(body: bytes, *more: tuple[str, bytes]) -> Continue:
    length = ("content-length", b"%d" % len(body))
    return Continue(extra=(length, ("content-type", b"application/json"), *more), body=body)


PHASES: dict[type[Event], Callable[[Exchange, Any], Action]] = {
    RequestHeaders: Exchange.on_request_headers,
    RequestBody: Exchange.on_request_body,
    ResponseHeaders: Exchange.on_response_headers,
    ResponseBody: Exchange.on_response_body,
    Trailers: Exchange.on_trailers,
}

"""One try of a chain at the attempt position: translate and pay for this try's candidate, translate its answer back.

What an earlier try has put into the request's headers is still there, so everything that belongs to a candidate is
removed or set anew. The body is the client's own, in the client's dialect.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from plano_extproc import headers
from plano_extproc.apis import Api
from plano_extproc.errors import GatewayError, NotFound, Unavailable
from plano_extproc.gateway import local
from plano_extproc.gateway.actions import PROCEED, Action, BodyMode, Changes, Continue, Reply
from plano_extproc.gateway.answer import JSON, Answer
from plano_extproc.gateway.ask import Ask
from plano_extproc.gateway.build import Gateway
from plano_extproc.gateway.chain import Tries
from plano_extproc.gateway.decide import Decision, parse, serve
from plano_extproc.gateway.events import Event, RequestBody, RequestHeaders, ResponseBody, ResponseHeaders, Trailers
from plano_extproc.gateway.plan import Plan, Way
from plano_extproc.gateway.surface import surface

_NOT_THE_CLIENTS = frozenset((*headers.CREDENTIALS, *headers.OF_A_TRY))


class ClientHeaders(Mapping[str, bytes]):
    """The client's headers as far as they are known at a try: those that an earlier try changed come from `own`."""

    __slots__ = ("_own", "_sent")

    def __init__(self, sent: Mapping[str, bytes], own: Mapping[str, bytes]) -> None:
        self._sent = sent
        self._own = own

    def __getitem__(self, name: str) -> bytes:
        if name in _NOT_THE_CLIENTS:
            return self._own[name]
        return self._sent[name]

    def __iter__(self) -> Iterator[str]:
        yield from self._own
        yield from (name for name in self._sent if name not in _NOT_THE_CLIENTS)

    def __len__(self) -> int:
        return sum(1 for _ in self)


class Attempt:
    """The state of one try. `is_done` says that Envoy has nothing more to ask."""

    __slots__ = ("_answer", "_api", "_ask", "_decision", "_gateway", "_listener", "_path", "_tries", "is_done")

    def __init__(self, gateway: Gateway, listener: str, path: str, tries: Tries) -> None:
        """Serve a try of a request that the client sent to `path`, without its query."""
        self._gateway = gateway
        self._listener = listener
        self._path = path
        self._tries = tries
        self._api: Api = "openai.chat"
        self._ask: Ask | None = None
        self._decision: Decision | None = None
        self._answer: Answer | None = None
        self.is_done = False

    def handle(self, event: Event) -> Action:
        """Return what to do about an event."""
        try:
            action = _PHASES[type(event)](self, event)
        except GatewayError as error:
            action = local.refuse(self._api, error)
        if isinstance(action, Reply):
            self.is_done = True
        return action

    def closed(self) -> None:
        """Nothing is left to do: the exchange at the listener position sees to it."""

    def on_request_headers(self, event: RequestHeaders) -> Action:
        """Wait for the body."""
        found = surface(self._path)
        if found is None:
            raise NotFound(f"nothing is served at {self._path}")
        self._api = found.api
        self._ask = Ask(self._listener, found, ClientHeaders(event.headers, self._tries.own), self._tries.query)
        return PROCEED

    def on_request_body(self, event: RequestBody) -> Action:
        """Put the request into the words of this try's candidate."""
        assert self._ask is not None
        plan = self._plan(self._ask)
        decision = self._decision = serve(self._gateway, self._ask, plan, event.body, parse(self._ask, event.body))
        body = event.body if decision.body is None else decision.body
        length = ("content-length", b"%d" % len(body))
        kept = self._tries.own.items() if plan.way is Way.BYPASS else ()
        dialect = tuple((name, value) for name, value in kept if name in headers.OF_A_TRY)
        extra = (*dialect, *decision.extra, length)
        return Continue(self._changes(plan, is_stream=decision.is_stream), extra, decision.body)

    def _plan(self, ask: Ask) -> Plan:
        plan = self._gateway.tried(ask, self._tries.current)
        if plan is None:
            # The configuration has changed between two tries.
            raise Unavailable(f"'{self._tries.current.entry}' is not configured any more; try again")
        return plan

    def _changes(self, plan: Plan, *, is_stream: bool) -> Changes:
        """Return the plan's changes, without what the candidates before it set for themselves."""
        entries = (self._gateway.entry(candidate) for candidate in self._tries.earlier)
        set_before = {name.lower() for entry in entries if entry for name in entry.all_headers}
        changes = plan.attempt[is_stream]
        if set_before <= set(changes.remove):
            return changes
        return replace(changes, remove=(*changes.remove, *sorted(set_before)), wire=None)

    def on_response_headers(self, event: ResponseHeaders) -> Action:
        """Leave an answer alone that Envoy drops or the client can read; else ask for its body."""
        decision = self._decision
        status = int(event.headers[":status"])
        if decision is None or self._tries.goes_on(status):
            self.is_done = True
            return PROCEED
        lost = ((headers.LOST, ",".join(decision.dropped).encode("ascii", "replace")),) if decision.dropped else ()
        if decision.translation is None:
            self.is_done = True
            return Continue(None, lost) if lost else PROCEED
        answer = self._answer = Answer(self._api, decision.translation, status, event.headers)
        if event.end_of_stream:
            return Reply(status, JSON, answer.translated(b""), local.details("provider_answer"))
        return Continue(READ[answer.mode], (*lost, *answer.headers))

    def on_response_body(self, event: ResponseBody) -> Action:
        """Translate the answer, or its next chunk."""
        assert self._answer is not None
        made = self._answer.take(event.body, event.end_of_stream)
        assert isinstance(made, Continue), "no edit stands in the way of a try's answer"
        return made

    def on_trailers(self, event: Trailers) -> Action:  # noqa: ARG002
        """Leave trailers alone."""
        return PROCEED


READ = {mode: Changes(remove=("content-length", "content-encoding"), response_body=mode) for mode in BodyMode}

_PHASES: dict[type[Event], Callable[[Attempt, Any], Action]] = {
    RequestHeaders: Attempt.on_request_headers,
    RequestBody: Attempt.on_request_body,
    ResponseHeaders: Attempt.on_response_headers,
    ResponseBody: Attempt.on_response_body,
    Trailers: Attempt.on_trailers,
}

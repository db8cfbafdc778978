"""One try of a chain at the attempt position: translate and pay for this try's candidate, translate its answer back.

What an earlier try has put into the request's headers is still there, so everything that belongs to a candidate is
removed or set anew. The body is the client's own, in the client's dialect: where the first try has put it into another,
Envoy tells it beside the headers.

Envoy hands the request over in pieces and waits with its headers, so a try whose request cannot be made is passed over
(`PassOver`) without a word to its provider. `returning` has the way back.

In a hedged chain Envoy asks the next candidate beside a try that is late. There a try knows nothing of the others, has
headers of its own, and its attempt counts by itself how it fails.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from plano_extproc import headers
from plano_extproc.apis import Api
from plano_extproc.errors import GatewayError, NotFound, Unavailable
from plano_extproc.gateway import local
from plano_extproc.gateway.actions import PROCEED, Action, Changes, Continue, PassOver, Piece, Reply
from plano_extproc.gateway.addressing import PLAIN
from plano_extproc.gateway.ask import Ask
from plano_extproc.gateway.build import Gateway
from plano_extproc.gateway.decide import serve
from plano_extproc.gateway.decision import Decision
from plano_extproc.gateway.events import Event, RequestBody, RequestHeaders, ResponseBody, ResponseHeaders, Trailers
from plano_extproc.gateway.parse import parse
from plano_extproc.gateway.plan import Plan, Way
from plano_extproc.gateway.surface import surface
from plano_extproc.gateway.tries.message import Before, Candidate, Tries
from plano_extproc.gateway.tries.returning import PASSED_ON, Returning, Told, passed_on
from plano_extproc.routing import cooldown

_NOT_THE_CLIENTS = frozenset((*headers.CREDENTIALS, *headers.OF_A_TRY, headers.CACHE))


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

    __slots__ = (
        "_api", "_ask", "_body", "_decision", "_gateway", "_has_answered", "_kept", "_listener", "_path", "_plan",
        "_returning", "_tries", "is_done",
    )  # fmt: skip

    def __init__(self, gateway: Gateway, listener: str, path: str, tries: Tries) -> None:
        """Serve a try of a request that the client sent to `path`, without its query."""
        self._gateway = gateway
        self._listener = listener
        self._path = path
        self._tries = tries
        self._api: Api = "openai.chat"
        self._ask: Ask | None = None
        self._body: list[bytes] = []
        self._kept: bytes | None = None
        self._plan: Plan | None = None
        self._decision: Decision | None = None
        self._returning: Returning | None = None
        self._has_answered = False
        self.is_done = False
        self._count_before(tries.before)

    def handle(self, event: Event) -> Told:
        """Return what to tell Envoy about an event."""
        try:
            told = _PHASES[type(event)](self, event)
        except GatewayError as error:
            told = ((_KINDS[type(event)], local.refuse(self._api, error)),)
        self._has_answered = self._has_answered or any(kind == "response_headers" for kind, _ in told)
        if any(isinstance(action, Reply) for _, action in told):
            self.is_done = True
        return told

    def closed(self) -> None:
        """Count a late try that another was faster than; all else the exchange at the listener position sees to."""
        if self._decision is not None and not self._has_answered and self._is_late():
            self._count(self._tries.current, 0, None)

    def _count_before(self, before: Before) -> None:
        """Count the failure of the try before, where nobody else could: that there is another says that it failed."""
        if before.is_counted:
            return
        now = self._gateway.ports.now()
        later = cooldown.retry_after({"retry-after": before.retry_after.encode("latin-1", "replace")}, now)
        self._count(self._tries.earlier[-1], before.status, later)

    def _count(self, candidate: Candidate, status: int, retry_after: float | None) -> None:
        """Count a failed try; a `status` of 0 says that no answer came."""
        entry = self._gateway.entry(candidate)
        if entry is not None and (not status or cooldown.counts(status, own_key=not entry.uses_client_credential)):
            self._gateway.candidates.failed(entry, self._gateway.ports.now(), retry_after)

    def _is_late(self) -> bool:
        """Whether its time is over, so that Envoy has asked the next candidate beside it."""
        late, begun = self._tries.late, self._tries.begun
        return late is not None and late > 0 and begun is not None and self._gateway.ports.now() - begun >= late

    def on_request_headers(self, event: RequestHeaders) -> Told:
        """Wait for the body: what the headers become depends on it."""
        path = self._tries.path or self._path
        found = surface(path)
        if found is None:
            raise NotFound(f"nothing is served at {path}")
        self._api = found.api
        self._kept = event.kept
        self._ask = Ask(self._listener, found, ClientHeaders(event.headers, self._tries.own), self._tries.query)
        return ()

    def on_request_body(self, event: RequestBody) -> Told:
        """Gather the body, and let the try go on once it is whole."""
        self._body.append(event.body)
        return self._made(b"".join(self._body), end=True) if event.end_of_stream else ()

    def _made(self, body: bytes, *, end: bool) -> Told:
        """Put the request into the words of this try's candidate, or pass over one that cannot take it."""
        try:
            action, made = self._request(body if self._kept is None else self._kept)
        except GatewayError as error:
            self.is_done = True
            if self._tries.is_last or self._is_late():
                return (("request_headers", local.refuse(self._api, error)),)
            return (("request_headers", PassOver(PASSED_ON, self._tries.counted)),)
        return (("request_headers", action), ("request_body", Piece(made, end)))

    def _request(self, body: bytes) -> tuple[Continue, bytes]:
        assert self._ask is not None
        plan = self._plan = self._candidate(self._ask)
        decision = self._decision = serve(self._gateway, self._ask, plan, body, parse(self._ask, body))
        made = body if decision.body is None else decision.body
        length = ("content-length", b"%d" % len(made))
        kept = self._tries.own.items() if plan.way is Way.BYPASS else ()
        # The client's account is of use only with the client's own key.
        fit = headers.OF_A_TRY if plan.upstream.is_passthrough else headers.OF_A_DIALECT
        dialect = tuple((name, value) for name, value in kept if name in fit)
        plain = PLAIN if self._tries.is_watched else ()
        to = ((headers.CLUSTER, plan.upstream.cluster.encode()),) if self._tries.is_hedged else ()
        extra = (*dialect, *decision.extra, length, *plain, *to)
        return Continue(self._changes(plan, is_stream=decision.is_stream), extra), made

    def _candidate(self, ask: Ask) -> Plan:
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
        if self._tries.is_hedged:
            # Its route is chosen by what it asks for here, and nobody's headers are in its own.
            return replace(changes, clear_route=True, wire=None)
        if set_before <= set(changes.remove):
            return changes
        return replace(changes, remove=(*changes.remove, *sorted(set_before)), wire=None)

    def on_response_headers(self, event: ResponseHeaders) -> Told:
        """Let Envoy drop an answer that is for the next candidate, and take any other in."""
        status = int(event.headers[":status"])
        if self._decision is None or self._plan is None:
            self.is_done = True
            return (("response_headers", PROCEED),)
        later = cooldown.retry_after(event.headers, self._gateway.ports.now())
        if self._tries.goes_on(status) and not self._is_late():
            self._count(self._tries.current, status, later)
            return (("response_headers", Continue(tried=self._tries.counted)),)
        if self._tries.is_hedged and status >= 400:
            self._count(self._tries.current, status, later)
        limit = self._gateway.config.overrides.max_answer_bytes
        try:
            self._returning = Returning(self._api, self._tries, self._plan, self._decision, event, limit, self._is_late)
        except GatewayError:
            if self._tries.is_last or self._is_late():
                raise
            self._count(self._tries.current, 0, None)
            return (("response_headers", passed_on(self._tries)),)
        return self._returned(self._returning.begin(end=event.end_of_stream))

    def on_response_body(self, event: ResponseBody) -> Told:
        """Take the next piece of the answer in."""
        if self._returning is None:
            # Of an answer that Envoy drops, unless it may not try again.
            return (("response_body", Piece(event.body, event.end_of_stream)),)
        return self._returned(self._returning.take(event.body, end=event.end_of_stream))

    def _returned(self, told: Told) -> Told:
        assert self._returning is not None
        self.is_done = self._returning.is_over
        if self._returning.fault is not None and (self._tries.is_hedged or not self._tries.is_last):
            self._count(self._tries.current, 0, None)
        return told if self._kept is None or self._returning.is_over else tuple(map(_without_kept, told))

    def on_trailers(self, event: Trailers) -> Told:
        """Leave trailers alone. They stand in for the end of the body before them."""
        if event.of_request:
            told, kind = self._made(b"".join(self._body), end=False), "request_trailers"
        else:
            returning = self._returning
            told, kind = returning.take(b"", end=True) if returning else (), "response_trailers"
            told = tuple((of, Piece(one.body, end=False) if isinstance(one, Piece) else one) for of, one in told)
        return told if self.is_done else (*told, (kind, PROCEED))


def _without_kept(said: tuple[str, Action | Piece | PassOver]) -> tuple[str, Action | Piece | PassOver]:
    """Let go of the body once an answer goes on: Envoy puts it into every message about a piece of it."""
    kind, action = said
    if kind == "response_headers" and isinstance(action, Continue) and action.tried is None:
        return kind, replace(action, kept=b"")
    return said


_PHASES: dict[type[Event], Callable[[Attempt, Any], Told]] = {
    RequestHeaders: Attempt.on_request_headers,
    RequestBody: Attempt.on_request_body,
    ResponseHeaders: Attempt.on_response_headers,
    ResponseBody: Attempt.on_response_body,
    Trailers: Attempt.on_trailers,
}
_KINDS: dict[type[Event], str] = {
    RequestHeaders: "request_headers",
    RequestBody: "request_headers",
    ResponseHeaders: "response_headers",
    ResponseBody: "response_body",
    Trailers: "request_trailers",
}

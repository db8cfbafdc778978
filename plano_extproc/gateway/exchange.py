"""One HTTP exchange at the listener position: events in, actions out.

The order of events is Envoy's: request headers, request body, response headers, and response body where it was
asked for. `PHASES` at the foot says what each does. A `GatewayError` becomes an answer in the caller's dialect;
any other exception is a bug and escapes, so that the server ends the stream with an error status and Envoy
answers 503: an exchange never ends quietly, since Envoy would take that as leave to go on without us.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from plano_extproc import headers
from plano_extproc.apis import Api
from plano_extproc.errors import GatewayError, InvalidRequest, NotFound
from plano_extproc.flow import Question
from plano_extproc.gateway import counting, local, unserved
from plano_extproc.gateway.actions import PROCEED, Action, BodyMode, Continue, Reply
from plano_extproc.gateway.answer import Answer
from plano_extproc.gateway.answering import explanation, read, without_body
from plano_extproc.gateway.ask import Ask, among
from plano_extproc.gateway.build import Gateway
from plano_extproc.gateway.conversation import stored
from plano_extproc.gateway.decision import Decision
from plano_extproc.gateway.drive import drive
from plano_extproc.gateway.events import Event, RequestBody, RequestHeaders, ResponseBody, ResponseHeaders, Trailers
from plano_extproc.gateway.outside import Outside
from plano_extproc.gateway.pipeline import decide, decide_on_upgrade, pass_by
from plano_extproc.gateway.reading import usage_of
from plano_extproc.gateway.surface import Surface, surface, upgraded, without_keys
from plano_extproc.gateway.telemetry.observing import Observation
from plano_extproc.gateway.telemetry.watched import Watched
from plano_extproc.gateway.work import Cut, Doing, Due, Ending, Wait, Work

_RESPONSES = Surface("openai.responses")

_TOLD = frozenset({":status", headers.ATTEMPTS})


class Exchange:
    """The state of one exchange. Used by one coroutine, made for each stream and thrown away with it.

    `is_done` says that the last answer was the last: Envoy has nothing more to ask, and the stream may end. However it
    ends, `closed` is called then.
    """

    __slots__ = (
        "_answer", "_api", "_ask", "_attempts", "_decision", "_gateway", "_generation", "_listener", "_overhead",
        "_place", "_reads_usage", "_seen", "_started", "_status", "_stored", "_told", "_work", "is_done",
    )  # fmt: skip

    def __init__(
        self,
        gateway: Gateway,
        listener: str,
        generation: int | None = None,
        traceparent: str | None = None,
        *,
        reads_usage: bool = False,
    ) -> None:
        """Serve on `listener`; `generation` is the configuration that Envoy's route was rendered from, if it says.

        `traceparent` names Envoy's own span of this exchange. `reads_usage` says that Envoy can tell what an answer
        cost that only passes.
        """
        self._reads_usage = reads_usage
        self._seen = Observation(gateway, listener, traceparent)
        self._gateway = gateway
        self._listener = listener
        self._generation = generation
        self.is_done = False
        self._api: Api = "openai.chat"
        self._ask: Ask | None = None
        self._stored: str | None = None
        self._started = 0.0
        self._overhead = 0.0
        self._work: Work | None = None
        self._decision: Decision | None = None
        self._answer: Answer | None = None
        self._status = 0
        self._attempts = 1
        self._place = 1
        self._told = 0

    def handle(self, event: Event) -> Action | Awaitable[Action]:
        """Return what to do about an event, or what to wait for where the outside must be asked first."""
        try:
            made = PHASES[type(event)](self, event)
            if isinstance(made, (Continue, Reply)):
                return self._finished(made)
            return self._later(made, next(made))
        except StopIteration as ended:
            return self._finished(ended.value)
        except GatewayError as error:
            return self._finished(local.refuse(self._api, error))

    async def _later(self, doing: Doing[Action], question: Question | Wait) -> Action:
        assert self._ask is not None
        try:
            action = await drive(doing, question, Outside(self._gateway, self._ask))
        except GatewayError as error:
            action = local.refuse(self._api, error)
        return self._finished(action)

    def _finished(self, action: Action) -> Action:
        work = self._work
        if isinstance(action, Reply):
            self.is_done = True
            self._status = action.status
            self._gateway.ports.metrics.answered(self._listener, self._api, "", "local", action.status)
            if work is not None and work.headers:
                action.headers = (*action.headers, *work.headers)
        if work is not None and len(work.facts) > self._told:
            # A shared constant is never changed.
            action = Continue() if action is PROCEED else action
            action.facts = work.facts
            self._told = len(work.facts)
        return action

    @property
    def cut(self) -> Cut | None:
        """What may break the answer off."""
        return self._work.cut if self._work is not None else None

    def closed(self) -> None:
        """Do what is left to do when the stream is over, for whatever reason."""
        if self._work is not None and self._work.endings:
            self._gateway.ports.background(self._end(self._work, self._ending()))
        else:
            self._seen.end(self._work, self._ending())

    async def _end(self, work: Work, ending: Ending) -> None:
        for last in work.endings:
            await last(ending)
        self._seen.end(work, ending)

    def _ending(self) -> Ending:
        # A reply of our own sets the status without a decision on who serves.
        served = self._decision.served(self._place)[0] if self._decision is not None and self._status else None
        is_complete = self._answer.is_complete if self._answer is not None else self.is_done or self.cut is not None
        seconds = self._gateway.ports.clock() - self._started
        return Ending(self._status, served, is_complete, seconds, self._attempts, self._overhead, self._place)

    def on_request_headers(self, event: RequestHeaders) -> Action | Doing[Action]:
        """Answer what needs no provider; else wait for the body."""
        self._started = self._gateway.ports.clock()
        event = RequestHeaders(self._seen.begin(event.headers), event.end_of_stream)
        path, _, query = event.headers[":path"].decode("latin-1").partition("?")
        is_upgrade = _is_upgrade(event.headers)
        found = upgraded(path, query) if is_upgrade else surface(path)
        if found is None and stored.is_stored(path):
            return self._about_stored(path, event, query)
        if found is None:
            self._api = unserved.dialect(path, event.headers)
            return unserved.reply(self._gateway, self._listener, self._generation, path, event.headers, query)
        self._api = found.api
        if found.endpoint is not None and self._gateway.listeners[self._listener].type != "model":
            raise NotFound(f"nothing is served at {path} here; listeners of models have it")
        client = self._gateway.admission.admit(event.headers, query, self._listener)
        self._ask = Ask(self._listener, found, event.headers, query and without_keys(query), client)
        if is_upgrade:
            work = self._work = Work(self._ask, b"", {})
            return self._on_decision(work, decide_on_upgrade(self._gateway, work))
        if event.end_of_stream:
            raise InvalidRequest("the request has no body; send a JSON object")
        return PROCEED

    def _about_stored(self, path: str, event: RequestHeaders, query: str) -> Action | Doing[Action]:
        client = self._gateway.admission.admit(event.headers, query, self._listener)
        self._ask = Ask(self._listener, _RESPONSES, event.headers, without_keys(query), client)
        if stored.has_body(event.headers.get(":method")) and not event.end_of_stream:
            self._stored = path
            return PROCEED
        return stored.reply(self._gateway, self._ask, path, None)

    def on_request_body(self, event: RequestBody) -> Doing[Action]:
        """Decide."""
        assert self._ask is not None
        if self._stored is not None:
            return (yield from stored.reply(self._gateway, self._ask, self._stored, event.body))
        if counting.counts(self._ask):
            estimate = counting.estimated(self._gateway, self._ask, event.body)
            if estimate is not None:
                return estimate
        work = self._work = Work(self._ask, event.body, {})
        return (yield from self._on_decision(work, decide(self._gateway, work)))

    def _on_decision(self, work: Work, deciding: Doing[Decision | Reply]) -> Doing[Action]:
        try:
            decision = yield from deciding
        except GatewayError as error:
            if work.due is not None:
                yield from work.due(error.status)
            raise
        if isinstance(decision, Reply):
            if work.due is not None:
                yield from work.due(decision.status)
            return decision
        return self._decided(work, decision)

    def _decided(self, work: Work, decision: Decision) -> Continue:
        self._decision = decision
        if self._reads_usage:
            pass_by(decision, work)
        now = self._gateway.ports.clock()
        self._overhead = now - self._started
        if (watched := work.notes.get(Watched)) is not None:
            # From here on it is the model's time, of its first byte as of its last.
            watched.sent = now
        self._gateway.ports.metrics.decided(self._listener, decision.plan.way.value, self._overhead)
        extra = (*decision.extra, *self._seen.decided(work, decision))
        return Continue(decision.changes, extra, decision.body, decision.own, kept=decision.kept)

    def on_response_headers(self, event: ResponseHeaders) -> Action | Doing[Action]:
        """Explain the decision, and ask for the body where it must be read."""
        work, decision = self._work, self._decision
        if work is None or decision is None:
            # Envoy answered before we decided, for example a body over the limit.
            return PROCEED
        if work.handed is not None and work.handed.otherwise is not None and _is_failed(event.headers):
            return self._otherwise(work.handed.otherwise, work, decision, event)
        action = self._explained(work, decision, event)
        return action if work.due is None else self._recorded(work.due, action)

    def _otherwise(
        self, give: Callable[[], Doing[Reply | None]], work: Work, decision: Decision, event: ResponseHeaders
    ) -> Doing[Action]:
        """Answer in place of an agent that failed, if there is something to say."""
        reply = yield from give()
        action = self._explained(work, decision, event) if reply is None else reply
        return action if work.due is None else (yield from self._recorded(work.due, action))

    def _recorded(self, due: Due, action: Action) -> Doing[Action]:
        """Return what becomes of an answer's headers, once what is due before is done."""
        if isinstance(action, Reply):
            yield from due(action.status)
        else:
            yield from due(self._status, is_read=self._answer is not None and self._status < 300)
        return action

    def _explained(self, work: Work, decision: Decision, event: ResponseHeaders) -> Action:
        sent, gateway = event.headers, self._gateway
        told = among(sent, _TOLD)
        status = self._status = int(told[":status"])
        self._attempts = int(told.get(headers.ATTEMPTS, b"1"))
        place = self._place = decision.place(sent, self._attempts)
        plan, response = decision.served(place)
        work.served = plan
        seconds = gateway.ports.clock() - self._started - self._overhead
        decision.count(gateway, plan, sent, status, seconds)
        if status < 300 and place == 1:
            gateway.heard(plan, seconds, is_stream=decision.is_stream)
        gateway.ports.metrics.answered(self._listener, self._api, plan.choice.name, plan.way.value, status)
        extra = explanation(decision, work, plan, sent, place, self._overhead)
        if decision.is_passed and status < 300 and not event.end_of_stream:
            if (watched := work.notes.get(Watched)) is not None:
                watched.begins(event.headers.get("content-length", b""))
            return Continue(response[BodyMode.COST], tuple(extra))
        assert self._ask is not None
        answer = self._answer = read(self._ask, decision, work, plan, sent, status, place)
        if answer is None:
            # What may have to be broken off is watched to its end, unread.
            self.is_done = work.cut is None
            return Continue(response[None], tuple(extra))
        if event.end_of_stream:
            return without_body(answer, status, sent, response[None], tuple(extra))
        return Continue(response[answer.mode], (*extra, *answer.headers))

    def on_response_body(self, event: ResponseBody) -> Action | Doing[Action]:
        """Translate the answer, or its next chunk."""
        assert self._answer is not None
        told = self._answer.take(event.body, event.end_of_stream)
        if self._answer.is_left:
            # Envoy passes the rest on by itself once this stream has ended.
            self._answer.is_complete = self.is_done = True
        return told

    def on_trailers(self, event: Trailers) -> Action:
        """Take what Envoy read of the answer in passing, and leave trailers alone."""
        work = self._work
        if self._answer is None and not event.of_request and work is not None:
            self.is_done = True
            usage_of(work).told(event.usage)
        return PROCEED


def _is_failed(answer: Mapping[str, bytes]) -> bool:
    return int(answer[":status"]) >= 300 or answer.get("content-type", b"").startswith(b"text/html")


def _is_upgrade(sent: Mapping[str, bytes]) -> bool:
    # The method stands in front; looking for a header that is not there reads them all.
    return sent.get(":method") == b"GET" and sent.get("upgrade", b"").lower() == b"websocket"


PHASES: dict[type[Event], Callable[[Exchange, Any], Action | Doing[Action]]] = {
    RequestHeaders: Exchange.on_request_headers,
    RequestBody: Exchange.on_request_body,
    ResponseHeaders: Exchange.on_response_headers,
    ResponseBody: Exchange.on_response_body,
    Trailers: Exchange.on_trailers,
}

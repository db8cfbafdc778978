"""An exchange that passes through to an agent that speaks A2A, or to an MCP server: its own protocol, both ways.

The client is known, guards see what it sends, and the request is traced and counted as any other. Of the answer only an
agent's card is read, whose addresses become this gateway's; others are held where governance may have to end them.
"""

from collections.abc import Awaitable
from typing import Final, TypeVar

from plano_extproc import headers
from plano_extproc.agents import passthrough
from plano_extproc.agents.passthrough import Passage
from plano_extproc.errors import GatewayError, NotFound
from plano_extproc.gateway.actions import PROCEED, Action, BodyMode, Changes, Continue, Reply
from plano_extproc.gateway.agents import passed_request
from plano_extproc.gateway.agents.hops import Onward
from plano_extproc.gateway.agents.passed_answer import PassedAnswer
from plano_extproc.gateway.answer import JSON
from plano_extproc.gateway.ask import Ask
from plano_extproc.gateway.build import Gateway
from plano_extproc.gateway.drive import run
from plano_extproc.gateway.events import Event, RequestBody, RequestHeaders, ResponseBody, ResponseHeaders
from plano_extproc.gateway.governance.ending import end
from plano_extproc.gateway.governance.governing import Governed
from plano_extproc.gateway.governance.passage import admitted, barred, demand_tools
from plano_extproc.gateway.governance.rows import Part
from plano_extproc.gateway.local import details
from plano_extproc.gateway.outside import Outside
from plano_extproc.gateway.surface import Surface, without_keys
from plano_extproc.gateway.telemetry.observing import Observation
from plano_extproc.gateway.work import Cut, Doing, Ending, Work

T = TypeVar("T")


class Passing:
    """The state of one such exchange, with the face of `Exchange`."""

    __slots__ = (
        "_answer", "_ask", "_gateway", "_governed", "_id", "_listener", "_passage", "_path", "_seen", "_started",
        "_status", "_work", "is_done",
    )  # fmt: skip

    def __init__(self, gateway: Gateway, listener: str, traceparent: str | None = None) -> None:
        """Serve on `listener`; `traceparent` names Envoy's own span."""
        self._gateway = gateway
        self._listener = listener
        self._seen = Observation(gateway, listener, traceparent)
        self._path = ""
        self._ask: Ask | None = None
        self._passage: Passage | None = None
        self._work: Work | None = None
        self._governed: Governed | None = None
        self._answer: PassedAnswer | None = None
        self._id: str | int | None = None
        self._started = 0.0
        self._status = 0
        self.is_done = False

    @property
    def cut(self) -> Cut | None:
        """What may break the answer off."""
        return self._work.cut if self._work is not None else None

    def handle(self, event: Event) -> Action | Awaitable[Action]:
        """Return what to do about an event, or what to wait for."""
        try:
            match event:
                case RequestHeaders():
                    return self._begin(event)
                case RequestBody():
                    return self._decided(event.body)
                case ResponseHeaders():
                    return self._answered(event)
                case ResponseBody() if self._answer is not None:
                    return self._taken(self._answer, event)
                case ResponseBody():
                    return self._card(event.body)
                case _:
                    return PROCEED
        except GatewayError as error:
            return self._refused(error)

    def closed(self) -> None:
        """Count the exchange, and end its span."""
        seconds = self._gateway.ports.clock() - self._started
        ending = Ending(self._status, None, self.is_done, seconds)
        self._seen.end(self._work, ending)
        if self._governed is not None:
            self._gateway.ports.background(end(self._governed, ending))

    def _refused(self, error: GatewayError) -> Reply:
        self.is_done, self._status = True, error.status
        body = passthrough.refusal(error, self._id)
        return Reply(error.status, (*JSON, *error.headers), body, details(error.code or error.type))

    def _begin(self, event: RequestHeaders) -> Action | Awaitable[Action]:
        ports = self._gateway.ports
        self._started = ports.clock()
        sent = self._seen.begin(event.headers)
        self._path, _, query = sent[":path"].decode("latin-1").partition("?")
        client = self._gateway.admission.admit(sent, query, self._listener)
        self._ask = Ask(self._listener, _SURFACE, sent, query and without_keys(query), client)
        team = self._gateway.teams.get(self._listener)
        target = f"{self._path}?{self._ask.query}" if self._ask.query else self._path
        # One client's requests go to one of several upstreams; within that one Envoy keeps the sessions of MCP.
        key = sent.get("x-model-affinity", sent.get("x-forwarded-for", b""))
        passing = team.passing if team is not None else {}
        found = passthrough.passage(target, passing, key)
        if found is None:
            raise NotFound(f"nothing is served at {self._path}")
        self._passage = found
        self._work = Work(self._ask, b"", {})
        self._governed = admitted(self._gateway, self._work, found.agent)
        if self._governed is not None and (refused := barred(self._governed)) is not None:
            return self._barred(self._governed, *refused)
        return self._passed_on(found, Onward(sent), None) if event.end_of_stream else PROCEED

    def _decided(self, body: bytes) -> Awaitable[Action]:
        assert self._ask is not None
        return self._guarded(body, self._ask)

    async def _guarded(self, body: bytes, ask: Ask) -> Action:
        try:
            asked = passthrough.read(body)
            self._id = asked[0].id if asked else None
            assert self._work is not None
            assert self._passage is not None
            self._work.facts |= {"method": asked[0].method, "tool": asked[0].tool or ""} if asked else {}
            if self._governed is not None:
                demand_tools(self._governed, body, asked)
                await self._run(self._governed.reserve_passage())
            made = await self._run(passed_request.guarded(self._gateway, self._work, body))
            return self._passed_on(self._passage, Onward(ask.headers), None if made == body else made)
        except GatewayError as error:
            return self._refused(await self._told(error))

    async def _barred(self, governed: Governed, part: Part, error: GatewayError) -> Action:
        governed.is_refused = True
        try:
            return await self._run(governed.refuse(part, error))
        except GatewayError as told:
            return self._refused(told)

    async def _told(self, error: GatewayError) -> GatewayError:
        """Return what the client is told in place of an answer, once that is recorded where it must be."""
        if self._governed is not None:
            self._governed.is_refused = True
            if self._governed.governor.is_strict:
                try:
                    await self._run(self._governed.due(error.status))
                except GatewayError as other:
                    return other
        return error

    def _run(self, doing: Doing[T]) -> Awaitable[T]:
        assert self._ask is not None
        return run(doing, Outside(self._gateway, self._ask))

    def _passed_on(self, passage: Passage, onward: Onward, body: bytes | None) -> Continue:
        _, agent = self._gateway.teams[self._listener].passing[passage.agent]
        changes = passed_request.changes(self._listener, agent, passage, onward, body)
        return Continue(changes, body=body, facts=self._work.facts if self._work else None)

    def _answered(self, event: ResponseHeaders) -> Action | Awaitable[Action]:
        self._status = int(event.headers[":status"])
        if self._passage is None:
            return PROCEED
        passage = self._passage
        named = (headers.AGENT, passage.agent.encode("ascii", "replace"))
        metrics = self._gateway.ports.metrics
        metrics.answered(self._listener, passage.protocol, passage.agent, "passed", self._status)
        is_card = passage.is_card and self._status == 200 and not event.end_of_stream
        governed = self._governed
        if is_card:
            changes = Changes(response_body=BodyMode.BUFFERED, remove=("content-length", "etag"))
            return self._recorded(Continue(changes, (named,)), is_last=False)
        if event.end_of_stream or governed is None or not governed.reads_passages:
            return self._recorded(Continue(extra=(named,)), is_last=True)
        self._answer = PassedAnswer(governed, passage.protocol, self._id, self._status, event.headers)
        removed = ("content-length",) if self._answer.mode is BodyMode.STREAMED else ()
        return Continue(Changes(response_body=self._answer.mode, remove=removed), (named,))

    def _recorded(self, action: Continue, *, is_last: bool) -> Action | Awaitable[Action]:
        """Return an action about an answer's headers, once what is to be recorded before is."""
        if self._governed is not None and self._governed.governor.is_strict:
            return self._later(self._governed, action, is_last=is_last)
        self.is_done = is_last
        return action

    async def _later(self, governed: Governed, action: Continue, *, is_last: bool) -> Action:
        try:
            await self._run(governed.due(self._status))
        except GatewayError as error:
            return self._refused(error)
        self.is_done = is_last
        return action

    async def _taken(self, answer: PassedAnswer, event: ResponseBody) -> Action:
        told = await self._run(answer.take(event.body, event.end_of_stream))
        self.is_done = answer.is_complete
        return told

    def _card(self, body: bytes) -> Continue:
        assert self._ask is not None
        assert self._passage is not None
        self.is_done = True
        sent = self._ask.headers
        scheme = sent.get(":scheme", b"http").decode("latin-1")
        address = f"{scheme}://{sent.get(':authority', b'').decode('latin-1')}{self._passage.prefix}"
        made = passthrough.with_address(body, address)
        return Continue(extra=(("content-length", b"%d" % len(made)),), body=made)


_SURFACE: Final = Surface("openai.chat")

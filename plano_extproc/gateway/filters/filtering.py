"""Filter chains on one exchange: the request before a model or an agent sees it, the answer before the client does."""

from collections.abc import Sequence
from typing import Any, Final

from plano_extproc.apis import Api
from plano_extproc.errors import BadProviderAnswer, GatewayError
from plano_extproc.filters import Filter, Passing, Record, StreamFilters, run
from plano_extproc.filters.mcp import Sessions
from plano_extproc.flow import Flow
from plano_extproc.gateway.build import Gateway
from plano_extproc.gateway.parse import parse
from plano_extproc.gateway.work import Doing, Edit, Work
from plano_extproc.translate.codec import Framing
from plano_extproc.translate.texts import TextStream, WindowFor

AGENTS_PATH: Final = "/v1/chat/completions"
"""What an agent is asked on, so that its filters are too."""


def filter_request(gateway: Gateway, work: Work, filters: Sequence[Filter]) -> Doing[None]:
    """Put a request through filters, in order. What one makes of it must be a request of the client's dialect."""
    calls = _Calls(gateway, work, path_of(work), "filters")
    try:
        for filter_ in filters:
            body = yield from run((filter_,), work.body, calls.passing, gateway.ports.sessions)
            if body != work.body:
                _accept(work, body, filter_)
    finally:
        calls.tell()


def filter_answer(gateway: Gateway, work: Work, filters: Sequence[Filter]) -> Edit:
    """Return what puts the answer that the client gets through filters, in order."""
    calls = _Calls(gateway, work, path_of(work), "output_filters")
    return _AnswerFilters(filters, calls, gateway.ports.sessions, work.ask.surface.api, work.framing)


class AgentFilters:
    """The filters of the agents of one exchange. They see chats, whatever the client speaks."""

    def __init__(self, gateway: Gateway, work: Work) -> None:
        self._filters = gateway.filters
        self._calls = _Calls(gateway, work, AGENTS_PATH, "agent_filters")
        self._sessions = gateway.ports.sessions

    def through(self, ids: tuple[str, ...], body: bytes) -> Flow[bytes]:
        """Put a request, or a whole answer, through the filters with these ids."""
        try:
            return (yield from run([self._filters[one] for one in ids], body, self._calls.passing, self._sessions))
        finally:
            self._calls.tell()

    def on_answer(self, ids: tuple[str, ...]) -> Edit:
        """Return what puts the answer of an agent through the filters with these ids."""
        named = [self._filters[one] for one in ids]
        return _AnswerFilters(named, self._calls, self._sessions, "openai.chat", "sse")


class _AnswerFilters:
    """Puts one answer, in a dialect, through filters, in order. An `Edit`."""

    def __init__(
        self, filters: Sequence[Filter], calls: "_Calls", sessions: Sessions, api: Api, framing: Framing
    ) -> None:
        self._filters = filters
        self._calls = calls
        self._sessions = sessions
        self._api: Api = api
        self._framing: Framing = framing
        self._stream: StreamFilters | None = None

    def whole(self, body: bytes) -> Doing[bytes]:
        """Put a whole answer through."""
        try:
            return (yield from run(self._filters, body, self._calls.passing, self._sessions))
        finally:
            self._calls.tell()

    def feed(self, chunk: bytes, end: bool) -> Doing[bytes]:
        """Put the next chunk of a stream through, as far as whole events or sentences are there."""
        if self._stream is None:

            def editor(window_for: WindowFor) -> TextStream:
                return TextStream(self._api, window_for, framing=self._framing)

            passing, is_sse = self._calls.passing, self._framing == "sse"
            self._stream = StreamFilters(self._filters, editor, passing, self._sessions, is_sse=is_sse)
        is_over = True
        try:
            made = yield from self._stream.feed(chunk, end)
            is_over = end
        finally:
            if is_over:
                self._calls.tell()
        return made


class _Calls:
    """Notes the calls of filters in one place of an exchange. `fact` is the name under which the access log has it."""

    def __init__(self, gateway: Gateway, work: Work, path: str, fact: str) -> None:
        self._work = work
        self._fact = fact
        self._own: list[Record] = []
        self.passing = Passing(path, work.ask.headers, gateway.ports.clock, self._note)

    def _note(self, record: Record) -> None:
        self._own.append(record)
        self._work.notes.setdefault(Record, []).append(record)

    def tell(self) -> None:
        """Put what each filter did into the access log: the last outcome, and the time of all its calls."""
        told: dict[str, dict[str, Any]] = {}
        for one in self._own:
            fact = told.setdefault(one.filter, {"filter": one.filter, "calls": 0, "ms": 0.0})
            fact |= {"outcome": one.outcome, "calls": fact["calls"] + 1, "ms": fact["ms"] + one.seconds * 1000}
        if told:
            self._work.facts[self._fact] = [fact | {"ms": round(fact["ms"], 3)} for fact in told.values()]


def _accept(work: Work, body: bytes, filter_: Filter) -> None:
    """Go on with what a filter made of a request, if it is one."""
    try:
        request = parse(work.ask, body)
    except GatewayError as error:
        if filter_.may_skip:
            return
        told = f"filter '{filter_.id}' made something of the request that is none: {error.message}"
        raise BadProviderAnswer(told, code="filter_failed") from None
    work.request, work.body = request, body


def records(work: Work) -> Sequence[Record]:
    """Return every call of a filter in this exchange so far."""
    made: list[Record] = work.notes.get(Record, [])
    return made


def path_of(work: Work) -> str:
    """Return the path that filters are told: the client's own, and that of a chat for what is served as one."""
    path = work.ask.headers[":path"].decode("latin-1").partition("?")[0]
    is_chat = work.ask.surface.endpoint is None and work.ask.surface.api == "openai.chat"
    return AGENTS_PATH if is_chat else path

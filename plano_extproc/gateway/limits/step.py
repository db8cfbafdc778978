"""How much a caller may use: limits and budgets are reserved before a request is sent, and settled when it is over."""

from plano_extproc.config.catalogue import COUNTED
from plano_extproc.config.listeners import Listener
from plano_extproc.config.models_catalogue import offers
from plano_extproc.errors import NotFound
from plano_extproc.gateway.actions import Reply
from plano_extproc.gateway.build import Gateway
from plano_extproc.gateway.reading import UsageReader, demand_usage, tells_usage, usage_of
from plano_extproc.gateway.work import Doing, Ending, Step, Work, wait_for
from plano_extproc.limits import Estimate, LimitReached, estimate
from plano_extproc.limits.usage import Who
from plano_extproc.routing import Choice
from plano_extproc.stores import Reservation
from plano_extproc.telemetry import figures
from plano_extproc.translate.chat import Usage

_NOTHING = Estimate(0)


def early(gateway: Gateway, listener: Listener) -> Step | None:
    """Return what counts before anybody is asked, on listeners where others may be asked before it is known who serves.

    What a client has no room for then costs nobody a thing. Who serves is taken to be the default; where a model is
    asked who serves, it may be anybody.
    """
    asks_who = listener.type == "model" and gateway.models.asks_a_model
    if not gateway.admission.has_limits or not (asks_who or _asks_others(gateway, listener)):
        return None

    def count(work: Work) -> Doing[Reply | None]:
        if work.ask.surface.endpoint is None and work.plans is None:
            yield from _Counting.of(gateway, work).reserve(None if asks_who else _default(gateway, work))
        return None

    return count


def on_question(gateway: Gateway, work: Work, choice: Choice | None) -> Doing[None]:
    """Count a question about routes as a request for who would serve; None as long as nobody is known to."""
    if gateway.admission.has_limits:
        yield from _Counting.of(gateway, work).reserve(choice)


def step(gateway: Gateway, listener: Listener) -> Step | None:  # noqa: ARG001 - keys and limits are on every listener
    """Return what counts on a listener; None where the file knows no client and no limit."""
    admission = gateway.admission
    if not (admission.has_limits or admission.has_clients):
        return None
    offers()  # prices; reading them takes longer than a request should wait

    def count(work: Work) -> Doing[Reply | None]:
        if work.ask.surface.endpoint in COUNTED:
            return None
        assert work.plans is not None, "this comes after the choice"
        counting = _Counting.of(gateway, work)
        if counting.tells:
            demand_usage(work)
            counting.reader = usage_of(work)
        yield from counting.reserve(work.plans.first.choice)
        return None

    return count


def _asks_others(gateway: Gateway, listener: Listener) -> bool:
    return listener.type != "model" or bool(listener.input_filters) or gateway.config.prompt_guards is not None


def _default(gateway: Gateway, work: Work) -> Choice:
    team = gateway.teams.get(work.ask.listener)
    if team is not None and team.anyone is not None:
        return team.anyone
    try:
        return gateway.directory.resolve(work.request.get("model"))
    except NotFound:
        if gateway.listeners[work.ask.listener].type == "model":
            raise
        # There the field may say anything.
        return gateway.directory.resolve(None)


class _Counting:
    """What one exchange reserves, and is charged in its place when it is over."""

    def __init__(self, gateway: Gateway, work: Work) -> None:
        ask = work.ask
        self._quota = gateway.quota
        self._metrics = gateway.ports.metrics
        self._has_limits = gateway.admission.has_limits
        self._work = work
        self._choice: Choice | None = None
        self._held: Reservation | None = None
        self.tells = len(work.body) > 0 and tells_usage(work)
        self._tokens = estimate(work.request) if self.tells and not ask.surface.is_question else _NOTHING
        self.reader: UsageReader | None = None
        if ask.client is not None:
            work.facts["client"] = ask.client.id

    @classmethod
    def of(cls, gateway: Gateway, work: Work) -> "_Counting":
        """Return what counts an exchange; it is settled whatever becomes of it."""
        found: _Counting | None = work.notes.get(cls)
        if found is None:
            found = work.notes[cls] = cls(gateway, work)
            work.endings.append(found.settle)
        return found

    def reserve(self, choice: Choice | None) -> Doing[None]:
        """Reserve what is not reserved yet for who serves, None for anybody. Raises what `Quota.reserve` raises."""
        self._choice = choice
        if not self._has_limits:
            return
        ask, held = self._work.ask, self._held
        client, tokens = ask.client.id if ask.client else "", self._tokens
        try:
            found = yield from wait_for(lambda: self._quota.reserve(ask.client, ask.headers, choice, tokens, held))
        except LimitReached as reached:
            self._metrics.count(figures.BUDGETS, (client, reached.code or "limit", "refused"))
            raise
        if found is not None and found is not held:
            self._metrics.count(figures.BUDGETS, (client, "all", "allowed"))
            names = dict(held.headers) if held else {}
            self._work.headers[:] = [pair for pair in self._work.headers if pair[0] not in names] + list(found.headers)
        self._held = found

    async def settle(self, ending: Ending) -> None:
        """Charge what was used."""
        choice = ending.served.choice if ending.served is not None else self._choice
        usage = self._usage(ending)
        if self._held is not None:
            await self._quota.settle(self._held, choice, usage)
        if choice is not None and ending.served is not None and ending.status < 300:
            client = self._work.ask.client.id if self._work.ask.client else ""
            who = Who(client, "" if choice.agent else choice.name, choice.agent or "")
            self._quota.record(who, choice, usage)

    def _usage(self, ending: Ending) -> Usage:
        if self.reader is None or ending.served is None or ending.status >= 300:
            return Usage()
        return self.reader.about(self._tokens, ending.seconds - ending.overhead)

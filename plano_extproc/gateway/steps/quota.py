"""How much a caller may use: limits and budgets are reserved before a request is sent, and settled when it is over."""

from plano_extproc.config.listeners import Listener
from plano_extproc.gateway.actions import Reply
from plano_extproc.gateway.build import Gateway
from plano_extproc.gateway.chain import Chain
from plano_extproc.gateway.plan import Plan
from plano_extproc.gateway.reading import UsageReader, demand_usage, usage_of
from plano_extproc.gateway.work import Doing, Ending, Step, Work, wait_for
from plano_extproc.limits import Estimate, estimate
from plano_extproc.limits.usage import Who
from plano_extproc.routing import Choice
from plano_extproc.stores import Quota, Reservation
from plano_extproc.translate.chat import Usage

_NOTHING = Estimate(0)


def step(gateway: Gateway, listener: Listener) -> Step | None:  # noqa: ARG001 - keys and limits are on every listener
    """Return what counts on a listener; None where the file knows no client and no limit."""
    admission = gateway.admission
    if not (admission.has_limits or admission.has_clients):
        return None
    quota = gateway.quota

    def count(work: Work) -> Doing[Reply | None]:
        ask = work.ask
        if ask.surface.endpoint == "count_tokens":
            return None
        choice = _first(work).choice
        tells = len(work.body) > 0 and ask.surface.endpoint in _TELLING
        if tells:
            demand_usage(work)
        reader = usage_of(work) if tells else None
        tokens = estimate(work.request) if tells else _NOTHING
        reservation = None
        if admission.has_limits:
            reservation = yield from wait_for(lambda: quota.reserve(ask.client, ask.headers, choice, tokens))
        if reservation is not None:
            work.headers += reservation.headers
        if ask.client is not None:
            work.facts["client"] = ask.client.id
        work.endings.append(_Settling(quota, work, choice, reader, tokens, reservation))
        return None

    return count


class _Settling:
    """Charges what was used in place of what was reserved."""

    def __init__(
        self,
        quota: Quota,
        work: Work,
        choice: Choice,
        reader: UsageReader | None,
        tokens: Estimate,
        held: Reservation | None,
    ) -> None:
        self._quota = quota
        self._client = work.ask.client.id if work.ask.client else ""
        self._choice = choice
        self._reader = reader
        self._tokens = tokens
        self._held = held

    async def __call__(self, ending: Ending) -> None:
        choice = ending.served.choice if ending.served is not None else self._choice
        usage = self._usage(ending)
        if self._held is not None:
            await self._quota.settle(self._held, choice, usage)
        if ending.served is not None and ending.status < 300:
            who = Who(self._client, "" if choice.agent else choice.name, choice.agent or "")
            self._quota.record(who, choice, usage)

    def _usage(self, ending: Ending) -> Usage:
        if self._reader is None or ending.served is None or ending.status >= 300:
            return Usage()
        return self._reader.about(self._tokens)


def _first(work: Work) -> Plan:
    assert work.plans is not None, "this comes after the choice"
    return work.plans.plans[0] if isinstance(work.plans, Chain) else work.plans


_TELLING = frozenset({None, "completions", "embeddings", "rerank"})
"""Those whose answers say what they cost, None for a model's own."""

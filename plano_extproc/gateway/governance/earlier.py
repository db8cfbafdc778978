"""Governed agents that took part before the one that answered the client: tried in vain, or asked in a chain."""

from collections.abc import Iterator, Mapping
from itertools import takewhile

from plano_extproc.agents import Record
from plano_extproc.gateway.governance.rows import SERVES, Part
from plano_extproc.gateway.work import Work
from plano_extproc.governance import Rulebook


def failed(work: Work, servers: Mapping[str, Part]) -> Iterator[Part]:
    """Yield those that Envoy tried in vain; nobody, as long as it is not known who answered."""
    plans, served = work.plans, work.served
    if plans is not None and served is not None:
        for plan in takewhile(lambda plan: plan is not served, plans.tries):
            if (part := servers.get(plan.choice.agent or "")) is not None:
                yield part


def asked(work: Work, servers: Mapping[str, Part], book: Rulebook) -> Iterator[tuple[Record, Part]]:
    """Yield those that this worker asked, and what came of it."""
    for record in work.notes.get(Record, ()):
        rules = book.serving(record.agent)
        if rules is not None:
            yield record, servers.get(rules.id) or Part(rules, SERVES)


def has_said(record: Record) -> bool:
    """Whether an agent that was asked gave an answer."""
    return record.outcome in ("answered", "empty")

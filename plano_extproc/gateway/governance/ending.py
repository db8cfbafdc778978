"""What governance does when an exchange is over: the last rows, the errors, the limits, and a sign of life."""

from plano_extproc.agents import Record
from plano_extproc.gateway.governance import earlier
from plano_extproc.gateway.governance.governing import Governed
from plano_extproc.gateway.governance.rows import Outcome, Part, errors
from plano_extproc.gateway.work import Ending
from plano_extproc.governance import Entry, LedgerUnavailable
from plano_extproc.governance.budget import ErrorKind
from plano_extproc.stores.governor import Governor
from plano_extproc.translate.chat import Usage


async def end(governed: Governed, ending: Ending) -> None:
    """Do what is left of an exchange. Never raises."""
    governor, tenant, work = governed.governor, governed.tenant, governed.work
    governed.unwatch()
    if work.served is None:
        work.served = ending.served
    outcome = governed.outcome(ending.status, is_complete=ending.is_complete)
    await _record(governor, governed.unrecorded(outcome))
    for part in governed.parts:
        await _end(governed, part, outcome)
    for part in earlier.failed(work, governed.servers):
        await _give_back(governor, part)
        await governor.erred(part.rules, tenant, "server_error")
    for record, part in earlier.asked(work, governed.servers, governor.book):
        await _end_of_asked(governed, record, part)


async def _record(governor: Governor, entries: list[Entry]) -> None:
    try:
        await governor.record(*entries)
    except LedgerUnavailable:
        # Nobody waits for it any more, and it is written when the ledger is back.
        return


async def _end(governed: Governed, part: Part, outcome: Outcome) -> None:
    governor, tenant = governed.governor, governed.tenant
    if part.reservation is not None:
        await governor.settle(part.reservation, outcome.usage, outcome.cost)
    elif part is governed.server and governed.work.served is not None and part.rules.limits:
        await governor.charge(part.rules, tenant, outcome.usage, outcome.cost)
    for kind in errors(outcome, part):
        await governor.erred(part.rules, tenant, kind)
    await governor.beat(part.rules, tenant)


async def _give_back(governor: Governor, part: Part) -> None:
    """Leave an agent charged with the call alone: it used nothing that is known."""
    if part.reservation is not None:
        await governor.settle(part.reservation, Usage(), None)


async def _end_of_asked(governed: Governed, record: Record, part: Part) -> None:
    governor, tenant = governed.governor, governed.tenant
    if part is not governed.server:
        await _give_back(governor, part)
    if not earlier.has_said(record):
        kind: ErrorKind = "timeout" if record.reason == "timeout" else "server_error"
        await governor.erred(part.rules, tenant, kind)
    await governor.beat(part.rules, tenant)

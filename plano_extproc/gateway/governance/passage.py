"""Governance of what passes through to A2A agents and MCP servers: who may, and which tools are called."""

from collections.abc import Iterable

import orjson

from plano_extproc.agents.passthrough import Rpc
from plano_extproc.errors import GatewayError
from plano_extproc.gateway.build import Gateway
from plano_extproc.gateway.governance.governing import Governed
from plano_extproc.gateway.governance.rows import CALLS, SERVES, Part
from plano_extproc.gateway.work import Work
from plano_extproc.governance import ActionForbidden


def admitted(gateway: Gateway, work: Work, agent: str) -> Governed | None:
    """Return what governance keeps of a request for an agent; None where neither it nor its caller is governed.

    Raises why one of them may not act.
    """
    governor = gateway.governor
    if governor is None:
        return None
    serving, calling = governor.book.serving(agent), governor.book.calling(work.ask.client)
    if serving is None and calling is None:
        return None
    tenant = governor.book.tenant(work.ask.headers, work.ask.client)
    found = Governed(governor, work, tenant, gateway.ports.now)
    found.is_passage = True
    found.caller = Part(calling, CALLS) if calling else None
    found.passed = Part(serving, SERVES) if serving else None
    for part in found.parts:
        error = found.refusal(part.rules)
        if error is not None:
            gateway.ports.background(found.skipped(part, error))
            raise error
    return found


def demand_tools(found: Governed, asked: Iterable[Rpc]) -> None:
    """Raise for a call of a tool that one of the agents may not make, or take."""
    for rpc in asked:
        if rpc.tool is None:
            continue
        for part in found.parts:
            refused = part.rules.actions.called(rpc.tool, orjson.dumps(rpc.texts).decode())
            if refused is not None:
                part.refused.append(refused)
                error: GatewayError = ActionForbidden(part.rules.id, rpc.tool)
                raise error

"""Governance of what passes through to A2A agents and MCP servers: who may, and which tools are called.

Neither protocol's answers call tools: an agent's own calls are requests, of a model or of an MCP server.
"""

import json
from collections.abc import Iterable
from typing import Any, Final

import orjson

from plano_extproc.agents.passthrough import Rpc
from plano_extproc.errors import GatewayError, InvalidRequest
from plano_extproc.gateway.build import Gateway
from plano_extproc.gateway.governance.governing import Governed
from plano_extproc.gateway.governance.rows import CALLS, SERVES, Part
from plano_extproc.gateway.work import Work
from plano_extproc.governance import ActionForbidden


def admitted(gateway: Gateway, work: Work, agent: str) -> Governed | None:
    """Return what governance keeps of a request for an agent; None where neither it nor its caller is governed."""
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
    if governor.settings.cut_streams:
        work.cut = found.cut()
    return found


def barred(found: Governed) -> tuple[Part, GatewayError] | None:
    """Return which of the agents may not act at this moment, and why."""
    errors = ((part, found.refusal(part.rules)) for part in found.parts)
    return next(((part, error) for part, error in errors if error is not None), None)


def demand_tools(found: Governed, body: bytes, asked: Iterable[Rpc]) -> None:
    """Raise for a call of a tool that one of the agents may not make, or take, and for a body that might hide one."""
    if body and any(part.rules.actions.has_rules for part in found.parts):
        _demand_plain(body)
    for rpc in asked:
        if rpc.tool is None:
            continue
        for part in found.parts:
            refused = part.rules.actions.called(rpc.tool, rpc.arguments)
            if refused is not None:
                part.refused.append(refused)
                raise ActionForbidden(part.rules.id, rpc.tool)


def _demand_plain(body: bytes) -> None:
    """Raise where one server may read something else in a body than another does, and than we do."""
    try:
        orjson.loads(body)
        told = json.loads(body, object_pairs_hook=_object)
    except (ValueError, RecursionError):
        raise InvalidRequest(
            "the body is no JSON with each key once; what a governed agent calls must be readable",
            code="unreadable_body",
        ) from None
    for message in told if isinstance(told, list) else [told]:
        params = message.get("params") if isinstance(message, dict) else None
        for held in (message, params):
            odd = (
                [key for key in held if key not in _READ and key.casefold() in _READ] if isinstance(held, dict) else ()
            )
            if odd:
                # https://pkg.go.dev/encoding/json#Unmarshal: keys match "even if they differ in case".
                raise InvalidRequest(f"write '{odd[0]}' in lower case", code="unreadable_body")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError
    return made


_READ: Final = frozenset({"method", "params", "name", "arguments"})

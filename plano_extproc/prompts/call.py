"""The call of a target's API: the request with its arguments filled in, and what the answer means."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qsl, quote, urlencode

import orjson

from plano_extproc.config.prompts import IN_BODY, Parameter, PromptTarget, placeholders
from plano_extproc.errors import BadProviderAnswer, GatewayError, TimedOut, Unavailable
from plano_extproc.flow import Callout, CalloutFailed, Reply
from plano_extproc.prompts.kinds import Unfit, fit
from plano_extproc.services import forwarded

ClusterOf = Callable[[str], str]
"""From the name of an endpoint, an agent or a filter to its Envoy cluster."""


@dataclass(frozen=True, slots=True)
class Checked:
    """Arguments made to fit. `missing` has no usable value and must be asked for."""

    values: Mapping[str, Any]
    missing: tuple[str, ...]


def check(target: PromptTarget, given: Mapping[str, Any]) -> Checked:
    """Return the arguments as their parameters' types; names that no parameter has are left out.

    What does not fit its type or enum is missing, also where the parameter is optional: it was said and not understood.
    """
    values: dict[str, Any] = {}
    missing: list[str] = []
    for parameter in target.parameters:
        value = given.get(parameter.name)
        if value is None or value == "":
            if target.needs(parameter):
                missing.append(parameter.name)
            continue
        try:
            values[parameter.name] = _placed(fit(value, parameter), parameter, target)
        except Unfit:
            missing.append(parameter.name)
    return Checked(values, tuple(missing))


def _placed(value: Any, parameter: Parameter, target: PromptTarget) -> Any:
    if parameter.name in target.placeholders and str(value).strip() in (".", ".."):
        raise Unfit("a name")  # it would lead to another path
    return value


def request(
    target: PromptTarget, values: Mapping[str, Any], cluster_of: ClusterOf, client: Mapping[str, bytes]
) -> Callout:
    """Return the call of a target's API. `client` are the caller's headers, of which only ids of requests go on."""
    endpoint = target.endpoint
    assert endpoint is not None, "a target without an endpoint is not called"
    full = {one.name: _default(one) for one in target.parameters if one.default is not None} | dict(values)
    path, _, literal = endpoint.path.partition("?")
    in_place = set(placeholders(endpoint.path))
    has_body = endpoint.http_method in IN_BODY
    in_query = {one.name for one in target.parameters if one.in_query or not has_body} - in_place
    pairs = [(key, _filled(value, full)) for key, value in parse_qsl(literal, keep_blank_values=True)]
    query = [(key, value) for key, value in pairs if key not in in_query or key not in full] if not has_body else []
    query += [(name, said) for name, value in full.items() if name in in_query for said in _said(value)]
    body = dict(pairs) if has_body else {}
    body |= {name: value for name, value in full.items() if name not in in_query | in_place}
    own = {"accept": "application/json", "accept-encoding": "identity"}
    own |= {"content-type": "application/json"} if has_body else {}
    return Callout(
        cluster=cluster_of(endpoint.name),
        method=endpoint.http_method,
        path=_filled(path, full, escape=True) + (f"?{urlencode(query)}" if query else ""),
        headers=forwarded(client, (), own | endpoint.http_headers),
        body=orjson.dumps(body) if has_body else b"",
        what=f"prompt target {target.name}",
        timeout=endpoint.timeout,
    )


def _default(parameter: Parameter) -> Any:
    """Return a default as its parameter's type: older files can write it as text only."""
    try:
        return fit(parameter.default, parameter)
    except Unfit:
        return parameter.default


def _filled(text: str, values: Mapping[str, Any], *, escape: bool = False) -> str:
    for name in placeholders(text):
        said = ",".join(_said(values[name]))
        text = text.replace(f"{{{name}}}", quote(said, safe="") if escape else said)
    return text


def _said(value: Any) -> list[str]:
    """Return a value as texts for a query: lists repeat their key, and objects are JSON."""
    match value:
        case bool():
            return ["true" if value else "false"]
        case float() if value.is_integer():
            return [str(int(value))]
        case list():
            return [text for one in value for text in _said(one)]
        case dict():
            return [orjson.dumps(value).decode()]
        case _:
            return [str(value)]


@dataclass(frozen=True, slots=True)
class Said:
    """What an API answered. `is_refusal` marks an error about what was asked for, which the person should hear."""

    target: PromptTarget
    status: int
    text: str
    is_refusal: bool = False


def read(target: PromptTarget, reply: Reply | CalloutFailed) -> Said | GatewayError:
    """Return what an API said, or the error to answer with where it failed."""
    name = f"the service of prompt target '{target.name}'"
    if isinstance(reply, CalloutFailed):
        return _lost(name, target, reply)
    if reply.status in ABOUT_THE_REQUEST:
        told = f"{name} answered {reply.status} {HTTPStatus(reply.status).phrase}"
        detail = _detail(reply.body)
        said = f"That did not work: {told}{f': {detail}' if detail else ''}."
        return Said(target, reply.status, said, is_refusal=True)
    if not 200 <= reply.status < 300:
        return BadProviderAnswer(f"{name} answered with status {reply.status}")
    kind = reply.headers.get("content-type", b"").decode("latin-1").partition(";")[0].strip().lower()
    if kind.startswith(("image/", "audio/", "video/")) or kind == "application/octet-stream":
        return BadProviderAnswer(f"{name} answered with {kind}, which is no text")
    text = reply.body.decode("utf-8", "replace").strip()
    return Said(target, reply.status, text or f"Done: {name} answered {reply.status} and said no more.")


def _lost(name: str, target: PromptTarget, failed: CalloutFailed) -> GatewayError:
    match failed.reason:
        case "timeout":
            seconds = target.endpoint.timeout if target.endpoint else 0
            return TimedOut(f"{name} did not answer within {seconds:g} seconds")
        case "too_large":
            return BadProviderAnswer(f"{name} answered more than the gateway takes")
        case _:
            return Unavailable(f"{name} cannot be reached")


def _detail(body: bytes) -> str:
    """Return the sentence in an error's body; "" where it has none that can be told."""
    try:
        held: Any = orjson.loads(body)
    except orjson.JSONDecodeError:
        return ""
    for key in ("error", "detail", "message", "title"):
        while isinstance(held, dict) and key in held:
            held = held[key]
    return held.strip().rstrip(".")[:_LONGEST_DETAIL] if isinstance(held, str) else ""


_LONGEST_DETAIL: Final = 300
ABOUT_THE_REQUEST: Final = frozenset({400, 404, 406, 409, 410, 412, 416, 422, 451})
"""Statuses that say what is wrong with what was asked for. Others tell of the gateway's own set-up, or of a fault."""

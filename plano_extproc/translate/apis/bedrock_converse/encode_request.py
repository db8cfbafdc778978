"""A request, written for a provider that speaks Converse."""

import re
from collections.abc import Mapping
from typing import Any, Final

import orjson

from plano_extproc.errors import InvalidRequest
from plano_extproc.translate.apis.bedrock_converse.extras import in_own_words
from plano_extproc.translate.apis.bedrock_converse.tools import write_tools
from plano_extproc.translate.apis.bedrock_converse.turns import Turns
from plano_extproc.translate.chat import Json, OutputSchema, Request
from plano_extproc.translate.losses import Losses
from plano_extproc.translate.names import fitted
from plano_extproc.translate.profile import Profile
from plano_extproc.translate.schemas import closed

STOP_SEQUENCE: Final = ("stop_sequence", "delta")
"""Where Claude tells which stop sequence it met: under the first, or under the first within the second."""
_MOST_METADATA: Final = 16
_METADATA: Final = re.compile(r"[a-zA-Z0-9\s:_@$#=/+,\-.]{0,256}")
_TIERS: Final = frozenset({"default", "flex", "priority"})
_NAME_LIMIT: Final = 64


def encode_request(request: Request, profile: Profile, losses: Losses) -> Json:
    """Return the body for the provider, and note what it does not get. A part that it cannot take raises."""
    turns = Turns(request.messages, profile, losses)
    request, extras = in_own_words(request, profile, losses)
    body: Json = {"messages": turns.messages}
    if turns.system:
        body["system"] = turns.system
    if inference := _inference(request, profile, losses):
        body["inferenceConfig"] = inference
    body |= write_tools(request, profile, losses)
    if request.output:
        body |= _output(request.output, extras)
    if extras:
        body["additionalModelRequestFields"] = extras
    if request.stop and profile.family == "claude":
        key, parent = STOP_SEQUENCE
        body["additionalModelResponseFieldPaths"] = [f"/{key}", f"/{parent}/{key}"]
    body |= _about(request, losses)
    return body


def _inference(request: Request, profile: Profile, losses: Losses) -> Json:
    made: Json = {}
    if request.max_tokens is not None:
        made["maxTokens"] = request.max_tokens
    for name, key in (("temperature", "temperature"), ("top_p", "topP")):
        value = getattr(request, name)
        if value is None:
            continue
        if name in profile.refused:
            losses.field(name)
        elif not 0 <= value <= 1:
            raise InvalidRequest(f"{name}: this provider takes 0 to 1", param=name)
        else:
            made[key] = value
    if request.stop:
        made["stopSequences"] = [stop for stop in request.stop if stop]
    return made


def _output(output: OutputSchema, extras: Json) -> Json:
    schema = closed(output.schema)
    if "output_config" in extras:
        # What Claude is told in its own words goes before, whole, what Bedrock would put there.
        extras["output_config"] = {**extras["output_config"], "format": {"type": "json_schema", "schema": schema}}
        return {}
    wanted: Json = {"schema": orjson.dumps(schema).decode(), "name": fitted(output.name or "answer", _NAME_LIMIT)}
    if output.description:
        wanted["description"] = output.description
    return {"outputConfig": {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": wanted}}}}


def _about(request: Request, losses: Losses) -> Json:
    """Return what is said about the request rather than to the model."""
    made: Json = {}
    knobs = dict(request.knobs)
    metadata = _metadata(knobs.pop("metadata", None), losses)
    if request.user:
        if _METADATA.fullmatch(request.user) and len(metadata) < _MOST_METADATA:
            metadata.setdefault("user", request.user)
        else:
            losses.field("user")
    if metadata:
        made["requestMetadata"] = metadata
    tier = knobs.get("service_tier")
    if isinstance(tier, str) and tier in _TIERS:
        made["serviceTier"] = {"type": knobs.pop("service_tier")}
    for knob in knobs:
        losses.field(knob)
    return made


def _metadata(given: Any, losses: Losses) -> dict[str, str]:
    if given is None:
        return {}
    if isinstance(given, Mapping) and len(given) <= _MOST_METADATA and all(map(_fits, given.items())):
        return dict(given)
    losses.field("metadata")
    return {}


def _fits(pair: tuple[str, Any]) -> bool:
    key, value = pair
    return bool(key and _METADATA.fullmatch(key)) and isinstance(value, str) and bool(_METADATA.fullmatch(value))

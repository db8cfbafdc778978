"""A request of Gemini's API, read.

The model and whether to stream are in its path; whoever reads that puts them in as `model` and `stream`.
"""

from collections.abc import Mapping
from typing import Any, Final

from plano_extproc.translate import shape
from plano_extproc.translate.apis.gemini_generate.fields import (
    SERVICE_TIERS,
    items_of,
    object_of,
    optional_object,
    whole_number,
)
from plano_extproc.translate.apis.gemini_generate.parts import Turns
from plano_extproc.translate.apis.gemini_generate.schema import json_schema
from plano_extproc.translate.apis.gemini_generate.tools import read_tool_choice, read_tools
from plano_extproc.translate.chat import Json, Message, OutputSchema, Reasoning, Request
from plano_extproc.translate.losses import Losses
from plano_extproc.translate.profile import EFFORTS
from plano_extproc.translate.shape import at, refuse

_CONFIG: Final = "generationConfig"
_THINKING: Final = "generationConfig.thinkingConfig"


def decode_request(body: Json, losses: Losses) -> Request:
    """Return what a request asks for. Raises `InvalidRequest` that names the field of a wrong shape."""
    body = object_of(body, "")
    losses.unknown(body, _FIELDS)
    if body.get("contents") is None:
        raise refuse("contents", "a list of contents is required")
    if body.get("cachedContent"):
        raise refuse("cachedContent", "content that is stored at Google cannot be read by this provider; send it whole")
    config = optional_object(body, _CONFIG)
    losses.unknown(config, _CONFIG_FIELDS, _CONFIG)
    turns = Turns(losses, _DETAILS.get(shape.optional_text(config, "mediaResolution", _CONFIG) or ""))
    contents = items_of(body.get("contents"), "contents")
    tools, web_search = read_tools(body, losses)
    tools, choice = read_tool_choice(body, tools, losses)
    thinking = optional_object(config, "thinkingConfig", _CONFIG)
    losses.unknown(thinking, frozenset({"includeThoughts", "thinkingBudget", "thinkingLevel"}), _THINKING)
    output, json_mode = _output(config, losses)
    return Request(
        model=shape.optional_text(body, "model") or "",
        messages=(*_system(body, turns), *turns.read(contents)),
        stream=shape.optional_flag(body, "stream") or False,
        include_usage=True,
        include_thoughts=shape.optional_flag(thinking, "includeThoughts", _THINKING) or False,
        max_tokens=whole_number(config, "maxOutputTokens", _CONFIG),
        temperature=_number(config, "temperature"),
        top_p=_number(config, "topP"),
        top_k=whole_number(config, "topK", _CONFIG),
        stop=shape.texts(shape.optional_list(config, "stopSequences", _CONFIG), f"{_CONFIG}.stopSequences"),
        tools=tools,
        web_search=web_search,
        tool_choice=choice,
        output=output,
        json_mode=json_mode,
        reasoning=_reasoning(thinking),
        knobs=_knobs(body, config, losses),
    )


def _system(body: Json, turns: Turns) -> list[Message]:
    held = body.get("systemInstruction")
    if held is None:
        return []
    content = {"parts": [{"text": held}]} if isinstance(held, str) else object_of(held, "systemInstruction")
    return [Message("system", tuple(turns.system(content)))]


def _number(config: Json, key: str) -> float | None:
    held = config.get(key)
    if held is None or (isinstance(held, int | float) and not isinstance(held, bool)):
        return held
    raise refuse(at(_CONFIG, key), "must be a number")


def _output(config: Json, losses: Losses) -> tuple[OutputSchema | None, bool]:
    """Return the schema of the answer, and whether it is to be JSON without one."""
    kind = shape.optional_text(config, "responseMimeType", _CONFIG)
    schema = shape.optional_object(config, "responseJsonSchema", _CONFIG)
    if schema is None and (own := shape.optional_object(config, "responseSchema", _CONFIG)) is not None:
        schema = json_schema(own)
    if kind in (None, "text/plain"):
        return None, False
    if kind != "application/json":
        losses.add(f"{_CONFIG}.responseMimeType")
        return None, False
    return (None, True) if schema is None else (OutputSchema(schema), False)


def _reasoning(thinking: Json) -> Reasoning | None:
    level = (shape.optional_text(thinking, "thinkingLevel", _THINKING) or _NO_LEVEL).lower()
    if level != _NO_LEVEL:
        if level not in EFFORTS:
            raise refuse(at(_THINKING, "thinkingLevel"), "must be one of MINIMAL, LOW, MEDIUM, HIGH")
        return Reasoning("on", level)
    budget = thinking.get("thinkingBudget")
    if budget == _DYNAMIC:
        return Reasoning("adaptive")
    budget = whole_number(thinking, "thinkingBudget", _THINKING)
    if budget is not None:
        return Reasoning("on", budget=budget) if budget else Reasoning("off")
    return Reasoning("adaptive") if thinking.get("includeThoughts") else None


def _knobs(body: Json, config: Json, losses: Losses) -> Mapping[str, Any]:
    knobs = {knob: config[key] for key, knob in KNOBS.items() if config.get(key) is not None}
    for knob, nothing in _DEFAULTS.items():
        if knobs.get(knob) == nothing:
            del knobs[knob]
    tier = shape.optional_text(body, "serviceTier")
    if tier and (tier := tier.lower().removeprefix("service_tier_")) in SERVICE_TIERS:
        knobs["service_tier"] = SERVICE_TIERS[tier]
    elif tier:
        losses.add("serviceTier")
    if config.get("responseModalities") not in (None, [], ["TEXT"]):
        losses.add(f"{_CONFIG}.responseModalities")
    return knobs


_DYNAMIC: Final = -1
"""The budget that leaves it to the model."""
_NO_LEVEL: Final = "thinking_level_unspecified"

KNOBS: Final[Mapping[str, str]] = {
    "candidateCount": "n",
    "responseLogprobs": "logprobs",
    "logprobs": "top_logprobs",
    "seed": "seed",
    "presencePenalty": "presence_penalty",
    "frequencyPenalty": "frequency_penalty",
}
_DEFAULTS: Final[Mapping[str, Any]] = {"n": 1, "logprobs": False}

_DETAILS: Final[Mapping[str, str]] = {"MEDIA_RESOLUTION_LOW": "low", "MEDIA_RESOLUTION_HIGH": "high"}

_FIELDS: Final = frozenset(
    {"model", "stream", "contents", "systemInstruction", "generationConfig", "tools", "toolConfig", "cachedContent",
     "serviceTier"}
)  # fmt: skip
_CONFIG_FIELDS: Final = frozenset(
    {
        "maxOutputTokens", "temperature", "topP", "topK", "stopSequences", "responseMimeType", "responseSchema",
        "responseJsonSchema", "thinkingConfig", "mediaResolution", "responseModalities", *KNOBS,
    }
)  # fmt: skip

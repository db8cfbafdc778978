"""Arch-Function's own protocol: tools stand in the system prompt, and the answer is one of three JSON objects.

They are `{"response": …}` where no function is meant, `{"required_functions": […], "clarification": …}` to ask back,
and `{"tool_calls": [{"name", "arguments"}]}`. See https://huggingface.co/katanemo/Arch-Function-3B.
"""

import math
import re
from collections.abc import Sequence
from typing import Any, Final

import orjson

from plano_extproc.config.prompts import PromptTarget
from plano_extproc.errors import BadProviderAnswer
from plano_extproc.flow import ModelCall, Reply
from plano_extproc.prompts.function_calling import TIMEOUT, message_of, schema, wanted
from plano_extproc.prompts.outcome import Wanted
from plano_extproc.prompts.turns import Turn

_LONGEST_HISTORY: Final = 16_000
"""Characters of the conversation that are sent, the newest turns; the list of tools does not count."""

_SURE: Final = 0.8
"""A value that the conversation does not hold is believed from this probability of its first token on."""


def speaks(model: str) -> bool:
    """Whether a model of this name speaks the protocol."""
    return "arch-function" in model.lower()


def request(model: str, turns: Sequence[Turn], targets: Sequence[PromptTarget], *, is_short: bool = False) -> ModelCall:
    """Return the question to the model. `is_short` leaves out all but the last turns."""
    tools = "\n".join(orjson.dumps(_function(target)).decode() for target in targets)
    messages = [{"role": "system", "content": _TASK.format(tools=tools) + _FORMS}]
    messages += [
        {"role": one.role, "content": one.text} for one in _newest(turns, _SHORT if is_short else _LONGEST_HISTORY)
    ]
    return ModelCall(
        model,
        {"messages": [*messages, {"role": "assistant", "content": _PREFILL}], **_SETTINGS},
        "function calling",
        TIMEOUT,
    )


def read(reply: Reply, turns: Sequence[Turn], targets: Sequence[PromptTarget]) -> Wanted:
    """Return what the model says. Raises `BadProviderAnswer` for an answer in none of the three forms."""
    content = message_of(reply).get("content")
    said = _object(content if isinstance(content, str) else "")
    if said.get("response"):
        return Wanted(reason="the model answers itself")
    if said.get("required_functions"):
        return _asked(said, targets)
    calls = said.get("tool_calls")
    if not isinstance(calls, list):
        return Wanted(reason="the model calls no function")
    unsure = _unsure(reply, " ".join(turn.text for turn in turns))
    called = [
        (str(one.get("name")), {key: value for key, value in _arguments(one).items() if value not in unsure})
        for one in calls
        if isinstance(one, dict)
    ]
    return wanted(called, targets)


def _asked(said: dict[str, Any], targets: Sequence[PromptTarget]) -> Wanted:
    names = said["required_functions"] if isinstance(said["required_functions"], list) else [said["required_functions"]]
    found = [target for target in targets if target.name in names]
    if not found:
        return Wanted(reason="the model asks for an unknown function")
    missing: tuple[tuple[PromptTarget, tuple[str, ...], dict[str, tuple[Any, ...]]], ...] = tuple(
        (one, tuple(p.name for p in one.parameters if one.needs(p)), {}) for one in found
    )
    question = said.get("clarification")
    return Wanted((), missing, question if isinstance(question, str) else "", reason="the model asks back")


def _function(target: PromptTarget) -> dict[str, Any]:
    needed = [one.name for one in target.parameters if target.needs(one)]
    properties = {one.name: schema(one, target) | {"description": one.description} for one in target.parameters}
    parameters: dict[str, Any] = {"type": "object", "properties": properties}
    return {
        "name": target.name,
        "description": target.description,
        "parameters": parameters | ({"required": needed} if needed else {}),
    }


def _newest(turns: Sequence[Turn], limit: int) -> list[Turn]:
    kept: list[Turn] = []
    for turn in reversed([one for one in turns if one.role != "system"]):
        limit -= len(turn.text)
        if kept and limit < 0:
            break
        kept.insert(0, turn)
    return kept


def _arguments(call: dict[str, Any]) -> dict[str, Any]:
    given = call.get("arguments")
    if isinstance(given, str):
        try:
            given = orjson.loads(given)
        except orjson.JSONDecodeError:
            given = None
    return given if isinstance(given, dict) else {}


def _object(content: str) -> dict[str, Any]:
    """Return the JSON object of an answer, with or without a fence and the beginning that was given to the model."""
    text = re.sub(r"^```(?:json)?\s*|\s*```$", "", content.strip())
    for candidate in (text, f'{{"{text}', f"{{{text}"):
        for ending in ("", "}", "]}", "}]}", "}}]}"):
            try:
                held = orjson.loads(candidate + ending)
            except orjson.JSONDecodeError:
                continue
            if isinstance(held, dict):
                return held
    raise BadProviderAnswer("the function-calling model answered with something that is no JSON object")


def _unsure(reply: Reply, conversation: str) -> list[str]:
    """Return text values that the conversation does not hold and that the model was not sure of, where it tells."""
    try:
        listed = orjson.loads(reply.body)["choices"][0]["logprobs"]["content"]
        tokens = [(str(one["token"]), math.exp(float(one["logprob"]))) for one in listed]
    except (KeyError, IndexError, TypeError, ValueError, OverflowError):
        return []
    starts: dict[int, float] = {}
    text = ""
    for token, probability in tokens:
        starts[len(text)] = probability
        text += token
    held = conversation.lower()
    found = []
    for match in re.finditer(r'":\s*"([^"\\]+)"', text):
        if match[1].lower() not in held:
            at = max((start for start in starts if start <= match.start(1)), default=0)
            if starts.get(at, 1.0) < _SURE:
                found.append(match[1])
    return found


_SHORT: Final = 2_000
_PREFILL: Final = '```json\n{"'
_SETTINGS: Final[dict[str, Any]] = {
    "temperature": 0.1,
    "top_p": 1.0,
    "top_k": 10,
    "max_tokens": 1024,
    "logprobs": True,
    "top_logprobs": 10,
    "stop_token_ids": [151645],
    "continue_final_message": True,
    "add_generation_prompt": False,
}
"""As the model is served: the answer goes on from the beginning that is given to it."""

_TASK: Final = """\
You help with the user's request by calling functions where they are needed.

The functions are described within <tools></tools>:
<tools>
{tools}
</tools>

Decide which functions are needed, and collect what is missing for them. Use only values that the user gave.

"""
_FORMS: Final = """\
Answer with JSON in one of these forms:
1. No function is needed:
```json
{"response": "Your answer"}
```
2. Functions are needed, but required parameters are missing:
```json
{"required_functions": ["name", "..."], "clarification": "A question for what is missing"}
```
3. Functions are needed, and all required parameters are known:
```json
{"tool_calls": [{"name": "name", "arguments": {"parameter": "value"}}]}
```
"""

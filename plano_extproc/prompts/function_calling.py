"""Which calls a conversation asks for, said by any model that can call tools.

The model is told to leave out what the conversation does not say, so that a missing value is asked for and not made up.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

import orjson

from plano_extproc.config.prompts import Parameter, PromptTarget
from plano_extproc.errors import BadProviderAnswer
from plano_extproc.flow import ModelCall, Reply
from plano_extproc.prompts.call import check
from plano_extproc.prompts.kinds import JSON_TYPES, kind_of
from plano_extproc.prompts.outcome import Call, Wanted
from plano_extproc.prompts.turns import Turn

TIMEOUT: Final = 20.0
"""Seconds for the model to decide."""


def request(model: str, turns: Sequence[Turn], targets: Sequence[PromptTarget], today: date) -> ModelCall:
    """Return the question to a model."""
    messages = [{"role": "system", "content": _TASK.format(today=f"{today:%A}, {today.isoformat()}")}]
    messages += [{"role": turn.role, "content": turn.text} for turn in turns]
    body = {"messages": messages, "tools": [tool(target) for target in targets], "tool_choice": "auto"}
    return ModelCall(model, body, "function calling", TIMEOUT)


def tool(target: PromptTarget) -> dict[str, Any]:
    """Return a target as a tool. No parameter is required of the model: it would make one up."""
    properties = {one.name: schema(one, target) for one in target.parameters}
    parameters = {"type": "object", "properties": properties}
    return {"type": "function", "function": _named(target) | {"parameters": parameters}}


def schema(parameter: Parameter, target: PromptTarget) -> dict[str, Any]:
    """Return the JSON Schema of a parameter."""
    kind = kind_of(parameter)
    notes = [parameter.description.strip()]
    notes += [f"Format: {parameter.format}."] if parameter.format else []
    notes += ["Needed, but leave it out if it was not said."] if target.needs(parameter) else []
    held: dict[str, Any] = {"type": JSON_TYPES[kind.base], "description": " ".join(note for note in notes if note)}
    choices = {"enum": list(parameter.enum)} if parameter.enum else {}
    if kind.base == "list":
        held["items"] = {"type": JSON_TYPES[kind.item], **choices}
        return held
    return held | choices


def read(reply: Reply, targets: Sequence[PromptTarget]) -> Wanted:
    """Return what the model wants called. Raises `BadProviderAnswer` for what is no answer."""
    message = message_of(reply)
    calls = message.get("tool_calls") or []
    if not isinstance(calls, list):
        raise BadProviderAnswer("the function-calling model's tool calls are no list")
    return wanted([_called(one) for one in calls], targets)


def wanted(called: Sequence[tuple[str, Mapping[str, Any]]], targets: Sequence[PromptTarget]) -> Wanted:
    """Return the calls of known targets, each once; what lacks something is to be asked for first."""
    by_name = {target.name: target for target in targets}
    calls: list[Call] = []
    missing: list[tuple[PromptTarget, tuple[str, ...], Mapping[str, tuple[Any, ...]]]] = []
    unknown = [name for name, _ in called if name not in by_name]
    for name, given in called:
        if name not in by_name:
            continue
        found = check(by_name[name], given)
        call = Call(by_name[name], found.values)
        if found.missing:
            missing.append((call.target, found.missing, {}))
        elif call not in calls:
            calls.append(call)
    if not called:
        return Wanted(reason="the model calls no function")
    if not calls and not missing:
        return Wanted(reason=f"the model calls an unknown function: {', '.join(unknown)[:80]}")
    return Wanted(tuple(calls), tuple(missing), reason="the model calls it")


def message_of(reply: Reply) -> dict[str, Any]:
    """Return the message of a chat completion. Raises `BadProviderAnswer`."""
    if not 200 <= reply.status < 300:
        raise BadProviderAnswer(f"the function-calling model answered with status {reply.status}")
    try:
        message = orjson.loads(reply.body)["choices"][0]["message"]
    except (orjson.JSONDecodeError, KeyError, IndexError, TypeError):
        message = None
    if not isinstance(message, dict):
        raise BadProviderAnswer("the function-calling model answered with something that is no chat completion")
    return message


def _called(call: Any) -> tuple[str, Mapping[str, Any]]:
    function = call.get("function") if isinstance(call, dict) else None
    name = function.get("name") if isinstance(function, dict) else None
    if not isinstance(function, dict) or not isinstance(name, str):
        raise BadProviderAnswer("the function-calling model calls a tool without a name")
    given = function.get("arguments")
    if isinstance(given, str):
        try:
            given = orjson.loads(given or "{}")
        except orjson.JSONDecodeError:
            given = {}
    return name, given if isinstance(given, dict) else {}


def _named(target: PromptTarget) -> dict[str, str]:
    return {"name": target.name, "description": target.description}


_TASK: Final = """\
Decide whether the user's last message asks for something that one of the functions does.
If so, call the function, once for each thing that is asked for. Use only values that the conversation states. \
Leave out every parameter that it does not state, also a needed one: the user is asked for it afterwards. \
Never make a value up, and never use a placeholder.
If no function does what is asked for, call none and answer with the single word: none.
Today is {today}."""

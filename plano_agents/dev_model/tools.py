"""Which tools an ask calls: those whose name or description its last user message speaks of."""

import re

from plano_agents.dev_model import schemas
from plano_agents.dev_model.ask import Ask, Call, Tool

_WORD = re.compile(r"[a-z0-9]+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

# fmt: off
_COMMON = frozenset((
    "about", "all", "and", "any", "are", "can", "current", "for", "from", "get", "give", "given", "has",
    "have", "its", "list", "please", "return", "set", "show", "tell", "that", "the", "this", "use",
    "used", "user", "value", "what", "when", "where", "which", "will", "with", "you", "your",
))
# fmt: on


def calls(ask: Ask, text: str) -> tuple[Call, ...]:
    """Choose the tools to call, with arguments from their schemas; empty when a text answer is due."""
    if ask.tool_choice == "none" or not ask.tools:
        return ()
    chosen = [tool for tool in ask.tools if _is_spoken_of(tool, text)]
    if ask.tool_choice == "any":
        chosen = chosen or [ask.tools[0]]
    elif ask.tool_choice != "auto":
        chosen = [tool for tool in ask.tools if f"={tool.name}" == ask.tool_choice]
    made = [call for tool in chosen for call in _calls_of(tool, text)]
    return tuple(made if ask.parallel_tools else made[:1])


def _calls_of(tool: Tool, text: str) -> list[Call]:
    """Call a tool that takes one text once for each subject: the weather in Paris and Rome is two calls."""
    required = tool.schema.get("required")
    properties = tool.schema.get("properties")
    subjects = schemas.subjects(text)
    if len(subjects) < 2 or not isinstance(required, list) or len(required) != 1 or not isinstance(properties, dict):
        return [Call(tool.name, schemas.arguments(tool.schema, text))]
    only = properties.get(required[0])
    if not isinstance(only, dict) or only.get("type") != "string" or "enum" in only:
        return [Call(tool.name, schemas.arguments(tool.schema, text))]
    rest = schemas.arguments(tool.schema, text)
    return [Call(tool.name, rest | {required[0]: subject}) for subject in subjects]


def _is_spoken_of(tool: Tool, text: str) -> bool:
    """Take a tool's whole name, one telling word of its name, or two of its description."""
    if tool.name.lower() in text.lower():
        return True
    said = _words(text)
    return bool(_words(_CAMEL.sub(" ", tool.name)) & said) or len(_words(tool.description) & said) >= 2


def _words(text: str) -> frozenset[str]:
    return frozenset(_stem(word) for word in _WORD.findall(text.lower()) if len(word) > 2) - _COMMON


def _stem(word: str) -> str:
    return word[:-1] if word.endswith("s") and len(word) > 3 else word

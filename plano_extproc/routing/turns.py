"""A conversation as routing sees it: who spoke, in what words, with which tools; read from a request of any dialect.

Only text counts. Results of tools are turns of their own, whoever the dialect says sent them, so that a client that
hands back a tool's answer is not taken for a user who speaks.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from plano_extproc.apis import Api

Role = Literal["system", "user", "assistant", "tool"]


@dataclass(frozen=True, slots=True)
class Turn:
    """One message. `has_other` says that it holds more than text, such as a picture."""

    role: Role
    text: str
    has_other: bool = False


@dataclass(frozen=True, slots=True)
class Conversation:
    """All turns, instructions first, and the names of the tools that the model may call."""

    turns: tuple[Turn, ...]
    tools: tuple[str, ...] = ()

    @property
    def system(self) -> str:
        """All instructions."""
        return "\n".join(turn.text for turn in self.turns if turn.role == "system")

    @property
    def first_user(self) -> str | None:
        """What the user said first; None where no user speaks."""
        return next((turn.text for turn in self.turns if turn.role == "user"), None)

    @property
    def tokens(self) -> int:
        """How many tokens the texts may have, at four characters each."""
        return sum(len(turn.text) for turn in self.turns) // 4

    @property
    def is_users_turn(self) -> bool:
        """Whether the last word is the user's own: not a tool's, and not only what an agent puts in for itself."""
        if not self.turns or self.turns[-1].role != "user":
            return False
        last = self.turns[-1]
        return last.has_other or bool(_INSERTED.sub("", last.text).strip())


_INSERTED: Final = re.compile(r"<(?P<tag>system-reminder|user-prompt-submit-hook)>.*?(?:</(?P=tag)>|\Z)", re.DOTALL)
"""What coding agents add to a user's turn. A tag that is not closed swallows the rest."""


def conversation(api: Api, request: Mapping[str, Any]) -> Conversation:
    """Read a request in the client's dialect, whose shape is checked; what is not understood is left out."""
    turns, tools = _READERS[api](request)
    return Conversation(tuple(turns), tuple(tools))


Read = tuple[Iterable[Turn], Iterable[str]]


def _chat(request: Mapping[str, Any]) -> Read:
    turns = (_turn(_chat_role(one), one.get("content")) for one in _dicts(request.get("messages")))
    names = (_dict(tool.get("function")).get("name") for tool in _dicts(request.get("tools")))
    return turns, _texts(names)


def _messages(request: Mapping[str, Any]) -> Read:
    def turns() -> Iterator[Turn]:
        if system := request.get("system"):
            yield _turn("system", system)
        for message in _dicts(request.get("messages")):
            role: Role = "user" if message.get("role") == "user" else "assistant"
            content = message.get("content")
            blocks = _dicts(content)
            results = [block for block in blocks if block.get("type") == "tool_result"]
            for result in results:
                yield _turn("tool", result.get("content"))
            rest = [block for block in blocks if block.get("type") != "tool_result"]
            if isinstance(content, str) or rest or not results:
                yield _turn(role, content if isinstance(content, str) else rest)

    return turns(), _texts(tool.get("name") for tool in _dicts(request.get("tools")))


def _responses(request: Mapping[str, Any]) -> Read:
    def turns() -> Iterator[Turn]:
        if instructions := request.get("instructions"):
            yield _turn("system", instructions)
        given = request.get("input")
        if isinstance(given, str):
            yield Turn("user", given)
        for item in _dicts(given):
            kind = item.get("type", "message")
            if kind == "message":
                yield _turn(_chat_role(item), item.get("content"))
            elif isinstance(kind, str) and kind.endswith("_call_output"):
                yield _turn("tool", item.get("output"))
            elif kind != "item_reference":
                yield Turn("assistant", "")

    return turns(), _texts(tool.get("name") for tool in _dicts(request.get("tools")))


def _gemini(request: Mapping[str, Any]) -> Read:
    def turns() -> Iterator[Turn]:
        system = _dict(request.get("systemInstruction") or request.get("system_instruction"))
        if system:
            yield _turn("system", system.get("parts"))
        for content in _dicts(request.get("contents")):
            parts = _dicts(content.get("parts"))
            results = [part for part in parts if "functionResponse" in part or "function_response" in part]
            if results:
                yield Turn("tool", "")
            if len(parts) > len(results):
                role: Role = "assistant" if content.get("role") == "model" else "user"
                yield _turn(role, [part for part in parts if part not in results])

    declared = (
        declaration.get("name")
        for tool in _dicts(request.get("tools"))
        for declaration in _dicts(tool.get("functionDeclarations") or tool.get("function_declarations"))
    )
    return turns(), _texts(declared)


def _converse(request: Mapping[str, Any]) -> Read:
    def turns() -> Iterator[Turn]:
        if system := request.get("system"):
            yield _turn("system", system)
        for message in _dicts(request.get("messages")):
            blocks = _dicts(message.get("content"))
            results = [block for block in blocks if "toolResult" in block]
            if results:
                yield Turn("tool", "")
            if len(blocks) > len(results):
                role: Role = "user" if message.get("role") == "user" else "assistant"
                yield _turn(role, [block for block in blocks if block not in results])

    specs = (_dict(tool.get("toolSpec")).get("name") for tool in _dicts(_dict(request.get("toolConfig")).get("tools")))
    return turns(), _texts(specs)


def _chat_role(message: Mapping[str, Any]) -> Role:
    role = message.get("role")
    # A caller may write anything for one.
    return _CHAT_ROLES.get(role, "assistant") if isinstance(role, str) else "assistant"


def _turn(role: Role, content: object) -> Turn:
    if isinstance(content, str):
        return Turn(role, content)
    parts = _dicts(content)
    texts = [part["text"] for part in parts if isinstance(part.get("text"), str)]
    return Turn(role, "\n".join(texts), len(texts) < len(parts))


def _dicts(value: object) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _dict(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _texts(values: Iterable[object]) -> Iterator[str]:
    return (value for value in values if isinstance(value, str))


_CHAT_ROLES: Final[Mapping[str, Role]] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "tool": "tool",
    "function": "tool",
}
_READERS: Final[Mapping[Api, Callable[[Mapping[str, Any]], Read]]] = {
    "openai.chat": _chat,
    "openai.responses": _responses,
    "anthropic.messages": _messages,
    "gemini.generate": _gemini,
    "bedrock.converse": _converse,
}

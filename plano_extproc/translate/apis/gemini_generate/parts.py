"""The turns of a request of Gemini's API, read part by part.

Results of tools name the tool, and the call only where the client keeps its id: many do not, and so results without an
id are matched with the calls before them, by name and order.

Thinking comes back twice where a client keeps all it was shown: as it was shown, and as it was kept for the model that
wrote it. The latter counts.
"""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Final, Literal

import orjson

from plano_extproc.translate import shape
from plano_extproc.translate.apis.gemini_generate.fields import items_of, object_of
from plano_extproc.translate.apis.gemini_generate.kept import restored
from plano_extproc.translate.call_ids import standard_base64
from plano_extproc.translate.chat import (
    Block,
    File,
    Image,
    Inline,
    Json,
    Link,
    Message,
    Role,
    Stored,
    Text,
    Thinking,
    ToolResult,
    ToolUse,
)
from plano_extproc.translate.losses import Losses
from plano_extproc.translate.names import derived_id
from plano_extproc.translate.sealed import seal
from plano_extproc.translate.shape import at, refuse

_Origin = Literal["said", "shown", "kept"]
_Told = list[tuple[Block, _Origin]]


class Turns:
    """Reads contents; neighbours of one role are one turn, since clients keep each chunk of a stream as one."""

    def __init__(self, losses: Losses, detail: str | None) -> None:
        """Read with `detail` for all images."""
        self._losses = losses
        self._detail = detail
        self._unanswered: list[tuple[str, str]] = []
        self._last: dict[str, str] = {}
        self._call_count = 0

    def system(self, content: Json) -> list[Block]:
        """Return the blocks of the system's instruction."""
        return [block for block, _ in self._content(content, "systemInstruction", "system")]

    def read(self, contents: list[Any]) -> list[Message]:
        """Return the turns."""
        turns: list[tuple[Role, _Told]] = []
        for position, value in enumerate(contents):
            where = f"contents[{position}]"
            content = object_of(value, where)
            role = _ROLES.get((shape.optional_text(content, "role", where) or "user").lower())
            if role is None:
                raise refuse(at(where, "role"), "must be user or model")
            told_here = self._content(content, where, role)
            if turns and turns[-1][0] == role:
                turns[-1][1].extend(told_here)
            else:
                turns.append((role, told_here))
        return [Message(role, tuple(_once(told))) for role, told in turns]

    def _content(self, content: Json, where: str, role: Role) -> _Told:
        self._losses.unknown(content, frozenset({"role", "parts"}), "contents[]")
        told: _Told = []
        place = at(where, "parts")
        for position, value in enumerate(items_of(content.get("parts"), place)):
            here = f"{place}[{position}]"
            told += self._part(object_of(value, here), here, role)
        return told

    def _part(self, part: Json, where: str, role: Role) -> _Told:
        self._losses.unknown(part, _PART_FIELDS, "contents[].parts[]")
        signature = shape.optional_text(part, "thoughtSignature", where) or ""
        kept = restored(signature) if signature else None
        kinds = [kind for kind in self._KINDS if part.get(kind) is not None]
        if len(kinds) > 1 or not (kinds or signature):
            raise refuse(where, f"must hold one of {', '.join(self._KINDS)}")
        before: _Told = [(block, "kept") for block in kept or ()]
        if not kinds:
            return before
        kind = kinds[0]
        if kind == "text" and part.get("thought") is True:
            # What only Gemini can read is sealed, so that no other provider gets it.
            sealed = seal("gemini.generate", signature) if signature and kept is None else None
            thought = Thinking(shape.required_text(part, "text", where), sealed)
            return [*before, (thought, "said" if sealed else "shown")]
        if role not in _ALLOWED.get(kind, (role,)):
            raise refuse(at(where, kind), "does not belong into a content of this role")
        return before + [(block, "said") for block in self._KINDS[kind](self, part, where)]

    def _text(self, part: Json, where: str) -> list[Block]:
        text = shape.required_text(part, "text", where)
        return [Text(text)] if text else []

    def _inline(self, part: Json, where: str) -> list[Block]:
        place = at(where, "inlineData")
        blob = object_of(part["inlineData"], place)
        media_type = shape.required_text(blob, "mimeType", place)
        data = standard_base64(shape.required_text(blob, "data", place))
        if media_type.startswith("image/"):
            return [Image(Inline(media_type, data), self._detail, where=where)]
        return [File(Inline(media_type, data), shape.optional_text(blob, "displayName", place), where=where)]

    def _file(self, part: Json, where: str) -> list[Block]:
        place = at(where, "fileData")
        file = object_of(part["fileData"], place)
        uri = shape.required_text(file, "fileUri", place)
        media_type = shape.optional_text(file, "mimeType", place) or ""
        is_web = uri.startswith(("https://", "http://")) and not uri.startswith(_UPLOADS)
        source = Link(uri) if is_web else Stored(uri)
        if media_type.startswith("image/"):
            return [Image(source, self._detail, where=where)]
        if is_web and media_type not in _DOCUMENTS:
            raise refuse(where, f"this provider cannot fetch {media_type}; send it inline")
        return [File(source, shape.optional_text(file, "displayName", place), where=where)]

    def _call(self, part: Json, where: str) -> list[Block]:
        place = at(where, "functionCall")
        call = object_of(part["functionCall"], place)
        name = shape.required_text(call, "name", place)
        call_id = shape.optional_text(call, "id", place) or derived_id("call_", self._call_count, name)
        self._call_count += 1
        self._unanswered.append((call_id, name))
        self._last[name] = call_id
        return [ToolUse(call_id, name, shape.optional_object(call, "args", place) or {})]

    def _response(self, part: Json, where: str) -> list[Block]:
        place = at(where, "functionResponse")
        told = object_of(part["functionResponse"], place)
        name = shape.required_text(told, "name", place)
        call_id = self._answered(shape.optional_text(told, "id", place), name)
        is_error, text = _said(shape.optional_object(told, "response", place) or {})
        content: list[Text | Image | File] = [Text(text)] if text else []
        for position, value in enumerate(items_of(told.get("parts"), at(place, "parts"))):
            here = f"{place}.parts[{position}]"
            item = object_of(value, here)
            kind = next((kind for kind in ("inlineData", "fileData") if item.get(kind) is not None), None)
            if kind is None:
                raise refuse(here, "must hold inlineData or fileData")
            content += [block for block in self._KINDS[kind](self, item, here) if isinstance(block, Image | File)]
        return [ToolResult(call_id, tuple(content), is_error)]

    def _answered(self, call_id: str | None, name: str) -> str:
        """Return the id of the call that a result belongs to."""
        found = [pair for pair in self._unanswered if pair[0] == call_id]
        found = found or [pair for pair in self._unanswered if pair[1] == name]
        if found:
            self._unanswered.remove(found[0])
            return found[0][0]
        # A second result for a call is the provider's to refuse.
        return call_id or self._last.get(name) or derived_id("call_", "unknown", name)

    def _run_by_google(self, part: Json, where: str) -> list[Block]:
        code = part.get("executableCode")
        told = object_of(code if code is not None else part["codeExecutionResult"], where)
        text = shape.optional_text(told, "output" if code is None else "code", where) or ""
        return [Text(f"\n```\n{text}\n```\n")] if text else []

    _KINDS: ClassVar[Mapping[str, Callable[["Turns", Json, str], list[Block]]]] = {
        "text": _text,
        "inlineData": _inline,
        "fileData": _file,
        "functionCall": _call,
        "functionResponse": _response,
        "executableCode": _run_by_google,
        "codeExecutionResult": _run_by_google,
    }


def _said(response: Json) -> tuple[bool, str]:
    """Return whether a tool failed, and what it said."""
    if response.keys() == {"error"}:
        return True, _as_text(response["error"])
    if len(response) == 1 and (key := next(iter(response))) in ("output", "result"):
        return False, _as_text(response[key])
    return False, _as_text(response) if response else ""


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _once(told: _Told) -> list[Block]:
    """Return the blocks, without thinking that was only shown where the same is there to be given back."""
    left_out = "shown" if any(origin == "kept" for _, origin in told) else None
    return [block for block, origin in told if origin != left_out]


_PART_FIELDS: Final = frozenset(
    {
        "text", "inlineData", "fileData", "functionCall", "functionResponse", "executableCode", "codeExecutionResult",
        "thought", "thoughtSignature", "partMetadata",
    }
)  # fmt: skip
_ALLOWED: Final[Mapping[str, tuple[Role, ...]]] = {
    "functionCall": ("assistant",),
    "functionResponse": ("user",),
    "inlineData": ("user", "assistant"),
    "fileData": ("user", "assistant"),
}
_ROLES: Final[Mapping[str, Role]] = {"user": "user", "function": "user", "model": "assistant"}
_UPLOADS: Final = "https://generativelanguage.googleapis.com/"
_DOCUMENTS: Final = ("", "application/pdf", "text/plain")

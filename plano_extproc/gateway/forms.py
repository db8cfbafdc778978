"""Requests that are no JSON: openings of WebSockets, and multipart forms with the texts in them (RFC 7578)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from plano_extproc.gateway.work import Work


@dataclass(frozen=True, slots=True)
class Field:
    """A field that is text, and where its bytes stand in the body."""

    name: str
    text: str
    start: int
    end: int


def is_upgrade(work: Work) -> bool:
    """Tell whether a WebSocket is to be opened."""
    return work.ask.headers.get(":method") == b"GET"


def is_form(work: Work) -> bool:
    """Tell whether the body is a form; no chat is one."""
    is_chat = work.ask.surface.endpoint is None
    return not is_chat and work.ask.headers.get("content-type", b"").startswith(b"multipart/form-data")


def fields(content_type: str, body: bytes) -> list[Field] | None:
    """Return the fields that are no files; None for a body that is no whole form."""
    named = _BOUNDARY.search(content_type)
    if named is None:
        return None
    mark = b"--" + (named["quoted"] or named["plain"]).encode("latin-1")
    at = 0 if body.startswith(mark) else body.find(b"\r\n" + mark) + 2
    found: list[Field] = []
    while at >= 0 and body.startswith(mark, at):
        at += len(mark)
        if body.startswith(b"--", at):
            return found
        start = body.find(b"\r\n\r\n", at)
        end = body.find(b"\r\n" + mark, start)
        if start < 0 or end < 0:
            return None
        head = body[at:start].decode("utf-8", "replace")
        name = _NAME.search(head)
        if name is not None and not _FILE.search(head):
            try:
                text = body[start + 4 : end].decode()
            except UnicodeDecodeError:
                return None
            found.append(Field(name["quoted"] or name["plain"] or "", text, start + 4, end))
        at = end + 2
    return None


def with_fields(body: bytes, changed: Iterable[tuple[Field, str]]) -> bytes:
    """Return the form with other texts in these fields, which are given in the order in which they stand in it."""
    made: list[bytes] = []
    at = 0
    for field, text in changed:
        made += (body[at : field.start], text.encode())
        at = field.end
    return b"".join((*made, body[at:]))


_BOUNDARY: Final = re.compile(r'boundary=(?:"(?P<quoted>[^"]+)"|(?P<plain>[^\s;,"]+))', re.IGNORECASE)
_NAME: Final = re.compile(
    r'^content-disposition:[^\r\n]*[;\s]name=(?:"(?P<quoted>[^"]*)"|(?P<plain>[^\s;"]+))', re.IGNORECASE | re.MULTILINE
)
_FILE: Final = re.compile(r"^content-disposition:[^\r\n]*[;\s]filename\*?=", re.IGNORECASE | re.MULTILINE)

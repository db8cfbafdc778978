"""Parts of messages and of results of tools, in OpenAI's Responses, both ways."""

from collections.abc import Callable, Mapping
from typing import Any, Final, assert_never

from plano_extproc.translate import shape
from plano_extproc.translate.chat import (
    Block,
    CacheMark,
    Citation,
    File,
    Image,
    Inline,
    Json,
    Link,
    Plain,
    Refusal,
    Stored,
    Text,
)
from plano_extproc.translate.losses import Losses
from plano_extproc.translate.media import USUAL_IMAGES, data_uri, read_data_uri, seen
from plano_extproc.translate.reading import span_in
from plano_extproc.translate.shape import at, refuse

_FILE_NAME: Final = "document.pdf"
"""OpenAI refuses a file without a name."""


def read_parts(content: Any, where: str, losses: Losses) -> list[Block]:
    """Return what a string or a list of parts says; an empty text says nothing."""
    if isinstance(content, str):
        return [Text(content)] if content else []
    if not isinstance(content, list):
        raise refuse(where, "a string or a list of parts is required")
    blocks: list[Block] = []
    for position, value in enumerate(content):
        place = f"{where}[{position}]"
        part = shape.required_object(value, place)
        read, known = shape.known_part(part, place, _PARTS)
        losses.unknown(part, known, "input[].content[]")
        blocks += read(part, place)
        if any(told.get("type") != "url_citation" for told in _sources(part, place)):
            losses.add("input[].content[].annotations")
    return blocks


def _text(part: Json, where: str) -> list[Block]:
    text = shape.required_text(part, "text", where)
    pages = [told for told in _sources(part, where) if isinstance(told.get("url"), str)]
    cited = tuple(Citation(page["url"], str(page.get("title") or ""), span_in(page)) for page in pages)
    return [Text(text, _cache(part, where), cited)] if text else []


def _sources(part: Json, where: str) -> list[Json]:
    told = shape.optional_list(part, "annotations", where)
    return [shape.required_object(one, f"{where}.annotations[{position}]") for position, one in enumerate(told)]


def _refusal(part: Json, where: str) -> list[Block]:
    return [Refusal(shape.required_text(part, "refusal", where))]


def _image(part: Json, where: str) -> list[Block]:
    detail, cache = shape.optional_text(part, "detail", where), _cache(part, where)
    if file_id := shape.optional_text(part, "file_id", where):
        return [Image(Stored(file_id), detail, cache, where)]
    # Several clients send chat's form, an object with the address.
    held = part.get("image_url")
    image = held if isinstance(held, dict) else part
    url = shape.required_text(image, "url" if image is held else "image_url", where)
    inline = read_data_uri(url, "image/jpeg")
    if inline is None and url[:5].lower() == "data:":
        raise refuse(at(where, "image_url"), "a data URI must be base64")
    return [Image(inline or Link(url), detail, cache, where)]


def _file(part: Json, where: str) -> list[Block]:
    name, cache = shape.optional_text(part, "filename", where), _cache(part, where)
    if file_id := shape.optional_text(part, "file_id", where):
        return [File(Stored(file_id), name, cache, where)]
    if url := shape.optional_text(part, "file_url", where):
        return [File(Link(url), name, cache, where)]
    content = shape.required_text(part, "file_data", where)
    inline = read_data_uri(content, "application/pdf") or Inline("application/pdf", content)
    return [File(inline, name, cache, where)]


def _audio(part: Json, where: str) -> list[Block]:
    place = at(where, "input_audio")
    audio = shape.required_object(part.get("input_audio"), place)
    media_type = f"audio/{shape.required_text(audio, 'format', place)}"
    return [File(Inline(media_type, shape.required_text(audio, "data", place)), where=where)]


def _cache(part: Json, where: str) -> CacheMark | None:
    # How long the cache lives is said in other words than anywhere else.
    return None if shape.optional_object(part, "prompt_cache_breakpoint", where) is None else CacheMark()


def write_part(block: Text | Refusal | Image | File) -> Json:
    """Return a block as a user or a tool sends it. Raises `InvalidRequest` for what the API does not take."""
    match block:
        case Text() | Refusal():
            return {"type": "input_text", "text": block.text}
        case Image():
            return {"type": "input_image", "image_url": _url(block), "detail": block.detail or "auto"}
        case File():
            return _written_file(block)
        case _:
            assert_never(block)


def _url(image: Image) -> str:
    if inline := seen(image, USUAL_IMAGES):
        return data_uri(inline)
    match image.source:
        case Inline():
            return data_uri(image.source)
        case Link():
            return image.source.url
        case Stored():
            raise refuse(image.where, "this provider cannot read a file that was uploaded to another")
        case _:
            assert_never(image.source)


def _written_file(file: File) -> Json:
    match file.source:
        case Plain():
            title = f"{file.name}:\n" if file.name else ""
            return {"type": "input_text", "text": title + file.source.text}
        case Inline(media_type=media_type) if media_type.startswith("audio/"):
            raise refuse(file.where, "this provider takes no sound")
        case Inline(media_type=media_type) if media_type.startswith("video/"):
            raise refuse(file.where, "this provider takes no video")
        case Inline():
            return {"type": "input_file", "filename": file.name or _FILE_NAME, "file_data": data_uri(file.source)}
        case Link():
            return {"type": "input_file", "file_url": file.source.url}
        case Stored():
            raise refuse(file.where, "this provider cannot read a file that was uploaded to another")
        case _:
            assert_never(file.source)


_TEXT_FIELDS: Final = frozenset({"type", "text", "annotations", "logprobs", "prompt_cache_breakpoint"})
_PARTS: Final[Mapping[str, tuple[Callable[[Json, str], list[Block]], frozenset[str]]]] = {
    "input_text": (_text, _TEXT_FIELDS),
    "output_text": (_text, _TEXT_FIELDS),
    "text": (_text, _TEXT_FIELDS),
    "refusal": (_refusal, frozenset({"type", "refusal"})),
    "input_image": (_image, frozenset({"type", "image_url", "file_id", "detail", "prompt_cache_breakpoint"})),
    "input_file": (
        _file,
        frozenset({"type", "file_id", "file_url", "file_data", "filename", "prompt_cache_breakpoint"}),
    ),
    "input_audio": (_audio, frozenset({"type", "input_audio"})),
}

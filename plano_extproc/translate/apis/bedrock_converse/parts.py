"""Images, documents and sounds, as Converse takes them: inline, or in the caller's own storage at Amazon.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_DocumentBlock.html
"""

import base64
import re
from collections.abc import Mapping
from typing import Final, assert_never

from plano_extproc.translate.chat import File, Image, Inline, Json, Link, Plain, Stored
from plano_extproc.translate.shape import refuse

_NO_NAME: Final = "document"
_LONGEST_NAME: Final = 180
"""Twenty less than the limit, to leave room for a number."""
_NOT_ALLOWED: Final = re.compile(r"[^a-zA-Z0-9()\[\]-]+")
_EXTENSION: Final = re.compile(r"\.[a-zA-Z0-9]{1,5}$")


def write_image(image: Image) -> Json:
    """Return a picture as a block."""
    media_type, source = _source(image.source, image.where)
    form = _IMAGES.get(media_type)
    if form is None:
        raise refuse(image.where, f"this provider takes {', '.join(_IMAGES.values())} images, not {media_type}")
    return {"image": {"format": form, "source": source}}


class Files:
    """Writes the files of one request: the name of a document must occur but once in it, and be of few characters."""

    def __init__(self) -> None:
        self._names: set[str] = set()

    def write(self, file: File) -> Json:
        """Return a document or a sound as a block."""
        if isinstance(file.source, Plain):
            source = {"bytes": base64.b64encode(file.source.text.encode()).decode()}
            return {"document": {"format": "txt", "name": self._name(file.name), "source": source}}
        media_type, source = _source(file.source, file.where)
        if media_type in _SOUNDS:
            return {"audio": {"format": _SOUNDS[media_type], "source": source}}
        form = _DOCUMENTS.get(media_type) or ("txt" if media_type.startswith("text/") else None)
        if form is None:
            known = ", ".join(dict.fromkeys((*_DOCUMENTS.values(), *_SOUNDS.values())))
            raise refuse(file.where, f"this provider takes no {media_type}; known: {known}")
        return {"document": {"format": form, "name": self._name(file.name), "source": source}}

    def _name(self, given: str | None) -> str:
        words = _NOT_ALLOWED.sub(" ", _EXTENSION.sub("", given or "")).strip()
        name = numbered = words[:_LONGEST_NAME].rstrip() or _NO_NAME
        count = 1
        while numbered in self._names:
            count += 1
            numbered = f"{name} {count}"
        self._names.add(numbered)
        return numbered


def _source(source: Inline | Link | Stored, where: str) -> tuple[str, Json]:
    """Return the media type, and where the content is."""
    match source:
        case Inline():
            return source.media_type, {"bytes": source.data}
        case Link(url=url) if url.startswith("s3://"):
            extension = url.rpartition(".")[2].lower()
            return _EXTENSIONS.get(extension, extension), {"s3Location": {"uri": url}}
        case Link():
            raise refuse(where, "this provider fetches nothing from the web; send it as base64, or its s3:// address")
        case Stored():
            raise refuse(where, "this provider cannot read a file that was uploaded to another")
        case _:
            assert_never(source)


_IMAGES: Final[Mapping[str, str]] = {
    "image/png": "png",
    "image/jpeg": "jpeg",
    "image/jpg": "jpeg",
    "image/gif": "gif",
    "image/webp": "webp",
}
_OFFICE: Final = "application/vnd.openxmlformats-officedocument"
_DOCUMENTS: Final[Mapping[str, str]] = {
    "application/pdf": "pdf",
    "text/plain": "txt",
    "text/markdown": "md",
    "text/html": "html",
    "text/csv": "csv",
    "application/msword": "doc",
    f"{_OFFICE}.wordprocessingml.document": "docx",
    "application/vnd.ms-excel": "xls",
    f"{_OFFICE}.spreadsheetml.sheet": "xlsx",
}
_SOUNDS: Final[Mapping[str, str]] = {
    f"audio/{form}": form for form in ("mp3", "wav", "flac", "aac", "opus", "ogg", "m4a", "mp4", "mpeg", "webm")
}
_EXTENSIONS: Final[Mapping[str, str]] = {
    "jpg": "image/jpeg",
    **{form: media_type for media_type, form in (*_SOUNDS.items(), *_DOCUMENTS.items(), *_IMAGES.items())},
}

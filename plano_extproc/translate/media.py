"""Media types, and data URIs, the one way in which OpenAI's dialects carry content inline."""

from collections.abc import Collection
from typing import Final

from plano_extproc.translate.chat import Image, Inline
from plano_extproc.translate.shape import refuse

USUAL_IMAGES: Final = ("image/png", "image/jpeg", "image/gif", "image/webp")
"""What OpenAI's and Anthropic's models see."""

_SPELLINGS: Final = {"image/jpg": "image/jpeg"}
_SOUNDS: Final = {"mpeg": "mp3", "x-mp3": "mp3", "x-wav": "wav", "wave": "wav", "vnd.wave": "wav"}


def seen(image: Image, known: Collection[str]) -> Inline | None:
    """Return an inline picture, its media type spelled as registered; None where it is elsewhere.

    Raises `InvalidRequest` that names its place where it is of a type that the provider does not take.
    """
    if not isinstance(image.source, Inline):
        return None
    media_type = _SPELLINGS.get(image.source.media_type, image.source.media_type)
    if media_type not in known:
        raise refuse(image.where, f"this provider takes {', '.join(known)}, not {media_type}")
    return Inline(media_type, image.source.data)


def sound_format(media_type: str) -> str:
    """Return how OpenAI's dialects call the format of a sound: `mp3` for `audio/mpeg`."""
    form = media_type.removeprefix("audio/").partition(";")[0]
    return _SOUNDS.get(form, form)


def data_uri(source: Inline) -> str:
    """Return inline content as a data URI."""
    return f"data:{source.media_type};base64,{source.data}"


def read_data_uri(uri: str, fallback: str) -> Inline | None:
    """Return the content of a base64 data URI, or None where `uri` is no such thing.

    `fallback` is the media type of one that names none.
    """
    head, comma, data = uri.partition(",")
    if not comma or head[:5].lower() != "data:":
        return None
    media_type, *parameters = head[5:].split(";")
    if "base64" not in (parameter.strip().lower() for parameter in parameters):
        return None
    return Inline(media_type.strip().lower() or fallback, data)

"""Data URIs, the one way in which OpenAI's dialects carry content inline."""

from plano_extproc.translate.chat import Inline


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

"""Whose conversations, memories and cached answers an exchange may see."""

import base64
import binascii
from typing import Final

import orjson

from plano_extproc.config.listeners import Listener
from plano_extproc.conversation.turn import digest
from plano_extproc.gateway.ask import Ask

_CREDENTIALS: Final = ("authorization", "x-api-key", "x-goog-api-key", "api-key")


def owner(ask: Ask, listener: Listener) -> str:
    """Return a digest of who asks: the client, else the subject of a token, else whoever shows this credential.

    Callers who show nothing are all the same one.
    """
    if ask.client is not None:
        return digest("client", ask.client.id)
    for name in _CREDENTIALS:
        sent = ask.headers.get(name)
        if sent:
            subject = _subject(sent) if listener.jwt is not None and name == "authorization" else None
            return digest("subject", subject) if subject else digest("credential", sent.decode("latin-1"))
    return digest("anyone")


def _subject(sent: bytes) -> str | None:
    """Return who a token is about. Envoy has checked it; a renewed token is about the same."""
    parts = sent.partition(b" ")[2].split(b".")
    try:
        claims = orjson.loads(base64.urlsafe_b64decode(parts[1] + b"=="))
        return f"{claims['iss']}\n{claims['sub']}"
    except (IndexError, KeyError, TypeError, ValueError, binascii.Error):
        return None

"""What is said to OpenAI's login server, and how its answers read. Nothing here sends anything.

A sign-in with a device code has three questions: a code for the user to type in a browser; then, again and again,
whether they have; then tokens for the grant that came of it. A renewal has one. The server speaks its own dialect of
the device flow (RFC 8628), with the public client of OpenAI's own Codex CLI.
"""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from plano_extproc.providers.chatgpt.tokens import Tokens, granted

DEFAULT_ISSUER: Final = "https://auth.openai.com"
ISSUER_VARIABLE: Final = "PLANO_CHATGPT_ISSUER"

_CLIENT_ID: Final = "app_EMoamEEZ73f0CkXaXp7hrann"

_FINAL_CODES: Final = frozenset(
    {
        "invalid_grant",
        "refresh_token_expired",
        "refresh_token_invalidated",
        "refresh_token_reused",
        "token_expired",
    }
)
"""The issuer's words for a refresh token that never will be good again."""

_INTERVAL: Final = 5.0
_SHORTEST_INTERVAL: Final = 1.0
_LONGEST_INTERVAL: Final = 60.0
_LONGEST_MESSAGE: Final = 200
_SECRET_LIKE: Final = re.compile(r"\S{32,}")


class IssuerError(Exception):
    """The issuer did not give what was asked for. The message is fit to show. It may work at another time."""


class Refused(IssuerError):
    """The issuer said no for good: only another sign-in helps."""


class Unreachable(IssuerError):
    """The issuer did not answer, or is out of order; the same question may be answered later."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One POST. `body` holds secrets."""

    url: str
    body: bytes = field(repr=False)
    content_type: str


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, whatever its status. `body` holds secrets."""

    status: int
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Device:
    """A sign-in that waits for the user to type `user_code`; ask about it every `interval` seconds."""

    id: str = field(repr=False)
    user_code: str
    interval: float


@dataclass(frozen=True, slots=True)
class Grant:
    """What a finished sign-in is exchanged with for tokens."""

    code: str = field(repr=False)
    verifier: str = field(repr=False)


class Issuer:
    """The login server at one URL."""

    def __init__(self, url: str = DEFAULT_ISSUER) -> None:
        """Raise `ValueError` for a URL that would carry tokens in the clear."""
        self._root = url.rstrip("/")
        parts = urlsplit(self._root)
        is_local = parts.scheme == "http" and parts.hostname in ("127.0.0.1", "::1", "localhost")
        if not parts.hostname or not (parts.scheme == "https" or is_local) or parts.query or parts.fragment:
            raise ValueError(f"'{url}' is no https:// URL")

    @property
    def verification_url(self) -> str:
        """Where the user types the code."""
        return f"{self._root}/codex/device"

    def ask_device(self) -> Ask:
        """Ask for a code."""
        return self._json("/api/accounts/deviceauth/usercode", {"client_id": _CLIENT_ID})

    def ask_grant(self, device: Device) -> Ask:
        """Ask whether the user has typed the code."""
        held = {"device_auth_id": device.id, "user_code": device.user_code}
        return self._json("/api/accounts/deviceauth/token", held)

    def ask_tokens(self, grant: Grant) -> Ask:
        """Exchange a grant."""
        return self._form(
            {
                "grant_type": "authorization_code",
                "code": grant.code,
                "redirect_uri": f"{self._root}/deviceauth/callback",
                "client_id": _CLIENT_ID,
                "code_verifier": grant.verifier,
            }
        )

    def ask_renewal(self, tokens: Tokens) -> Ask:
        """Exchange a refresh token, which is used up by it."""
        held = {"grant_type": "refresh_token", "refresh_token": tokens.refresh_token, "client_id": _CLIENT_ID}
        return self._form(held)

    def _json(self, path: str, value: Mapping[str, str]) -> Ask:
        return Ask(self._root + path, json.dumps(value).encode(), "application/json")

    def _form(self, value: Mapping[str, str]) -> Ask:
        return Ask(f"{self._root}/oauth/token", urlencode(value).encode(), "application/x-www-form-urlencoded")


def read_device(reply: Reply) -> Device:
    """Return the code that the user is to type."""
    if reply.status == 404:
        raise IssuerError("the login server does not offer sign-in by device code")
    found = _object(reply, "a code for this device")
    device_id, code = found.get("device_auth_id"), found.get("user_code") or found.get("usercode")
    if not isinstance(device_id, str) or not isinstance(code, str) or not code.isprintable() or not device_id:
        raise IssuerError("the login server sent no code")
    return Device(device_id, code, _interval(found.get("interval")))


def read_grant(reply: Reply) -> Grant | None:
    """Return the grant; None while the user has not typed the code."""
    # This server's way to say "pending".
    if reply.status in (403, 404):
        return None
    found = _object(reply, "the sign-in")
    code, verifier = found.get("authorization_code"), found.get("code_verifier")
    if not isinstance(code, str) or not isinstance(verifier, str):
        raise IssuerError("the login server confirmed the sign-in without a grant")
    return Grant(code, verifier)


def read_tokens(reply: Reply, now: float, before: Tokens | None = None) -> Tokens:
    """Return the tokens that were granted, or renewed where there were some `before`.

    Raises `Refused` where another try cannot help, else `IssuerError`.
    """
    found = granted(_object(reply, "the tokens"), now, before)
    if found is None:
        raise IssuerError("the login server sent no usable token")
    return found


def _object(reply: Reply, wanted: str) -> dict[str, Any]:
    try:
        found: Any = json.loads(reply.body)
    except (ValueError, RecursionError):
        found = None
    told = found if isinstance(found, dict) else {}
    if 200 <= reply.status < 300:
        if not told:
            raise IssuerError(f"the login server's answer to the question for {wanted} makes no sense")
        return told
    code, message = _complaint(told)
    text = f"the login server refused {wanted} with status {reply.status}" + (f": {message}" if message else "")
    if reply.status == 401 or code in _FINAL_CODES:
        raise Refused(text)
    raise (Unreachable if reply.status >= 500 else IssuerError)(text)


def _complaint(told: dict[str, Any]) -> tuple[str, str]:
    """Return the code and the message of an error, in the shape of OAuth or of OpenAI's API."""
    error = told.get("error")
    inner: dict[str, Any] = error if isinstance(error, dict) else {"code": error, **told}
    words = (inner.get(key) for key in ("message", "error_description", "detail", "code"))
    message = next((word for word in words if isinstance(word, str) and word), "")
    # An error may quote what was sent, and that was a secret.
    shown = _SECRET_LIKE.sub("...", " ".join(message.split()))[:_LONGEST_MESSAGE]
    return str(inner.get("code") or ""), "".join(filter(str.isprintable, shown))


def _interval(value: object) -> float:
    """Return a pause between two questions; the server writes it as text, and it must not be too short."""
    try:
        stated = float(value) if isinstance(value, (str, int, float)) else _INTERVAL
    except (ValueError, OverflowError):
        stated = _INTERVAL
    return min(max(stated, _SHORTEST_INTERVAL), _LONGEST_INTERVAL) if math.isfinite(stated) else _INTERVAL

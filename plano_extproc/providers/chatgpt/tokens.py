"""What a login to ChatGPT gives: tokens, whose they are, and how long they hold.

The tokens are JSON Web Tokens of OpenAI's. Their signatures are not checked here: claims are read only to name the
account and to know when to renew, and whoever takes a token checks it.
"""

import base64
import binascii
import json
import re
from dataclasses import dataclass, field
from typing import Any, Final

EARLY: Final = 300.0
"""Seconds before its end at which a token is renewed."""

SETTLED: Final = 60.0
"""Seconds for which a token is new."""

ASSUMED_LIFETIME: Final = 3600.0
"""How long a token is taken to hold when neither the issuer nor the token says."""

_LAST_TIME: Final = 2.5e11
"""Near the end of the year 9999, where calendars end."""

_AUTH_CLAIM: Final = "https://api.openai.com/auth"
_HEADER_SAFE: Final = re.compile(r"[!-~]*")


class UnreadableTokens(ValueError):
    """What should be a stored login cannot be read as one. The message holds nothing secret."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """A login. Without a `refresh_token` it cannot be renewed; an empty `account_id` means that none is known.

    Times are seconds since 1970.
    """

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    id_token: str = field(repr=False)
    account_id: str
    expires_at: float
    renewed_at: float

    def is_expired(self, now: float) -> bool:
        """Tell whether the access token holds no more."""
        return now >= self.expires_at

    def is_due(self, now: float) -> bool:
        """Tell whether it is time to renew, and possible. A short-lived token is renewed halfway through its life.

        A token that is new is never due: where this machine's clock is wrong, the issuer is asked once a minute.
        """
        lifetime = max(0.0, self.expires_at - self.renewed_at)
        is_near_end = now >= self.expires_at - min(EARLY, lifetime / 2)
        is_new = 0 <= now - self.renewed_at < SETTLED
        return bool(self.refresh_token) and is_near_end and not is_new

    @property
    def email(self) -> str:
        """The address of the account's owner; empty where the issuer did not tell."""
        return _text(claims(self.id_token).get("email"))

    @property
    def plan(self) -> str:
        """The subscription, such as `plus`; empty where the issuer did not tell."""
        found = (_auth(token).get("chatgpt_plan_type") for token in (self.id_token, self.access_token))
        return next((text for text in map(_text, found) if text), "")

    def serialise(self) -> str:
        """Return the text of the file that `parse` reads."""
        kept = {name: getattr(self, name) for name in (*_TEXTS, *_TIMES)}
        return json.dumps(kept, indent=2) + "\n"


def parse(text: str) -> Tokens:
    """Return a stored login. Raises `UnreadableTokens` that names the field at fault."""
    try:
        found: Any = json.loads(text)
    except (ValueError, RecursionError):
        raise UnreadableTokens("it is not valid JSON") from None
    if not isinstance(found, dict):
        raise UnreadableTokens("it is no JSON object")
    texts = {name: _stored_text(found, name) for name in _TEXTS}
    if not texts["access_token"]:
        raise UnreadableTokens("access_token is missing")
    expires_at = _stored_time(found, "expires_at") or 0.0
    return Tokens(
        **texts, expires_at=expires_at, renewed_at=_stored_time(found, "renewed_at") or expires_at - 2 * EARLY
    )


def granted(answer: dict[str, Any], now: float, before: Tokens | None = None) -> Tokens | None:
    """Return the login that an answer of the issuer's grants, None when it holds no usable token.

    What a renewal leaves out beside the access token stays as it was `before`.
    """
    access = _text(answer.get("access_token"))
    refresh = _text(answer.get("refresh_token")) or (before.refresh_token if before else "")
    identity = _text(answer.get("id_token")) or (before.id_token if before else "")
    if not access or not all(map(_HEADER_SAFE.fullmatch, (access, refresh, identity))):
        return None
    account = account_of(identity) or account_of(access) or (before.account_id if before else "")
    lifetime = _number(answer.get("expires_in"))
    end = now + lifetime if lifetime else _number(claims(access).get("exp"))
    return Tokens(access, refresh, identity, account, end or now + ASSUMED_LIFETIME, now)


def claims(token: str) -> dict[str, Any]:
    """Return what a JSON Web Token claims; nothing for any other text."""
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    try:
        found: Any = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def account_of(token: str) -> str:
    """Return the account that a token of ChatGPT's belongs to; empty where it does not say, or is another token."""
    account = _text(_auth(token).get("chatgpt_account_id"))
    return account if _HEADER_SAFE.fullmatch(account) else ""


def is_chatgpt_token(secret: str) -> bool:
    """Tell whether a credential is a token of ChatGPT's, and no API key or placeholder."""
    return bool(_auth(secret))


def _auth(token: str) -> dict[str, Any]:
    found = claims(token).get(_AUTH_CLAIM)
    return found if isinstance(found, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _number(value: object) -> float | None:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return None
    return float(value) if 0 <= value < _LAST_TIME else None


def _stored_text(found: dict[str, Any], name: str) -> str:
    value = found.get(name)
    if value is None:
        return ""
    if not isinstance(value, str) or not _HEADER_SAFE.fullmatch(value):
        raise UnreadableTokens(f"{name} is no token")
    return value


def _stored_time(found: dict[str, Any], name: str) -> float | None:
    value = found.get(name)
    if value is None:
        return None
    time = _number(value)
    if time is None:
        raise UnreadableTokens(f"{name} is no time")
    return time


_TEXTS: Final = ("access_token", "refresh_token", "id_token", "account_id")
_TIMES: Final = ("expires_at", "renewed_at")

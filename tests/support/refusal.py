"""How a strict provider says no, and the checks that both dialects share."""

from collections.abc import Collection, Mapping
from typing import Any

CREDENTIALS = (
    "authorization",
    "x-api-key",
    "api-key",
    "x-goog-api-key",
    "x-plano-key",
    "cookie",
    "proxy-authorization",
)
INTERNAL = ("x-plano-", "x-arch-", "x-envoy-")


class Refusal(Exception):
    """An error answer. `type`, `param` and `code` as the dialect has them."""

    def __init__(
        self,
        status: int,
        message: str,
        type: str = "invalid_request_error",  # noqa: A002
        *,
        param: str | None = None,
        code: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.type = type
        self.param = param
        self.code = code


def is_number(value: Any) -> bool:
    """Tell a JSON number from anything else, booleans included."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_whole(value: Any) -> bool:
    """Tell a JSON integer."""
    return isinstance(value, int) and not isinstance(value, bool)


def foreign_headers(headers: Mapping[str, str], *, allowed: Collection[str] = ()) -> list[str]:
    """Name the headers that must never reach a provider: other credentials, cookies, the gateway's own words."""
    return [name for name in headers if name not in allowed and (name in CREDENTIALS or name.startswith(INTERNAL))]

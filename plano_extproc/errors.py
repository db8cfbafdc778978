"""Errors that a caller is shown.

    GatewayError                status  type
    ├── InvalidRequest          400     invalid_request_error
    ├── Unauthenticated         401     authentication_error
    ├── Forbidden               403     permission_error
    ├── NotFound                404     not_found_error
    ├── TooLarge                413     request_too_large
    ├── RateLimited             429     rate_limit_error
    ├── NotImplementedYet       400     not_supported_error
    ├── BadProviderAnswer       502     api_error
    ├── Unavailable             503     api_error
    ├── TimedOut                504     timeout_error
    └── Relayed                 its own, as is its type

`type` is Anthropic's word where it has one; `plano_extproc.translate` renders each in the caller's dialect.
Anything else that escapes is a bug: it ends the exchange with an error status and is never shown.
"""

from typing import Final


class GatewayError(Exception):
    """An error to answer with. `message` says what is wrong, where, and what to do; no secret, no traceback.

    `param` names the field of the request that is to blame, `code` is OpenAI's machine-readable word for it. `headers`
    go on the answer.
    """

    status: int = 500
    type: str = "api_error"
    headers: tuple[tuple[str, bytes], ...] = ()

    def __init__(self, message: str, *, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.code = code


class InvalidRequest(GatewayError):
    """The request cannot be served as it is; the caller must change it."""

    status = 400
    type = "invalid_request_error"


class Unauthenticated(GatewayError):
    """No key, or one that is not known."""

    status = 401
    type = "authentication_error"


class Forbidden(GatewayError):
    """A known caller that may not do this."""

    status = 403
    type = "permission_error"


class NotFound(GatewayError):
    """What the request names does not exist here."""

    status = 404
    type = "not_found_error"


class TooLarge(GatewayError):
    """The body is over the limit."""

    status = 413
    type = "request_too_large"


class RateLimited(GatewayError):
    """A limit or a budget is spent."""

    status = 429
    type = "rate_limit_error"


class NotImplementedYet(GatewayError):
    """Configured and valid, but this version cannot do it.

    Not 501: SDKs and agents take every 5xx for a passing fault and try again for minutes.
    """

    status = 400
    type = "not_supported_error"


class BadProviderAnswer(GatewayError):
    """The provider answered something that its dialect does not allow."""

    status = 502
    type = "api_error"


class Unavailable(GatewayError):
    """Nothing that could serve the request can be reached."""

    status = 503
    type = "api_error"


class TimedOut(GatewayError):
    """What was asked did not answer in time."""

    status = 504
    type = "timeout_error"


class Relayed(GatewayError):
    """What a service or a policy of the user's answers instead: its status, 400 to 599, and its words."""

    def __init__(self, message: str, status: int, *, code: str | None = None) -> None:
        assert 400 <= status < 600, "only errors are relayed"
        super().__init__(message, code=code)
        self.status = status
        self.type = _TYPES.get(status, "invalid_request_error" if status < 500 else "api_error")


_TYPES: Final[dict[int, str]] = {
    kind.status: kind.type for kind in (Unauthenticated, Forbidden, NotFound, TooLarge, RateLimited, TimedOut)
}

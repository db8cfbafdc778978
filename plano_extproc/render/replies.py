"""The errors that Envoy answers by itself: which, when, and in whose dialect.

`CASES` is the table, in the order in which they are tried. A condition is an expression of CEL on the finished
exchange; `code_details` are Envoy's own words for what went wrong.
"""

import json
from dataclasses import dataclass

from plano_extproc import headers
from plano_extproc.apis import Api
from plano_extproc.errors import BadProviderAnswer, GatewayError, InvalidRequest, NotFound, TooLarge, Unavailable

OURS = f"response.code_details.startsWith('{headers.LOCAL_REPLY_DETAILS_PREFIX}') || response.code_details == 'direct_response'"
"""Bodies that are already as the caller shall see them: the sidecar's, and those of the routes."""

JSON_HEADERS = (
    {"header": {"key": "content-type", "value": "application/json"}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"},
)


@dataclass(frozen=True, slots=True)
class Case:
    """A kind of failure. `status` replaces Envoy's own where that would mislead."""

    condition: str
    error: GatewayError
    status: int | None = None


@dataclass(frozen=True, slots=True)
class Mapper:
    """A case in one dialect."""

    condition: str
    body: str
    status: int | None


def cases(max_body_bytes: int) -> tuple[Case, ...]:
    """Return every failure that Envoy can meet, the last one being all the rest."""
    return (
        Case(
            "response.code_details == 'request_payload_too_large'",
            TooLarge(f"the request's body is larger than {max_body_bytes} bytes, the limit of this gateway"),
        ),
        Case(
            "response.code_details.startsWith('ext_proc') && response.code == 504",
            Unavailable("the gateway took too long to decide on this request; try again"),
        ),
        Case(
            "response.code_details.startsWith('ext_proc')",
            Unavailable("the gateway cannot decide on requests at the moment; try again shortly"),
        ),
        Case(
            "response.code == 504",
            Unavailable("the model provider did not answer in time"),
        ),
        Case(
            "response.code == 408",
            InvalidRequest("the request did not arrive in time"),
        ),
        Case(
            "response.code == 431",
            InvalidRequest("the request's headers are too large"),
        ),
        Case(
            "response.code == 404",
            NotFound("nothing is served here"),
        ),
        Case(
            "response.code < 500",
            InvalidRequest("the request is not valid HTTP, or uses a feature that this gateway does not offer"),
        ),
        Case(
            "response.code_details.contains('connection_termination') || response.code_details.contains('remote_reset')"
            " || response.code_details.contains('protocol_error')",
            BadProviderAnswer("the model provider closed the connection without an answer"),
            status=502,
        ),
        Case(
            "response.code_details.startsWith('upstream_reset') || response.code_details == 'no_healthy_upstream'"
            " || response.code_details == 'cluster_not_found'",
            Unavailable("the model provider cannot be reached"),
        ),
        Case(
            "response.code == 503",
            Unavailable("the gateway is overloaded; try again shortly"),
        ),
        Case(
            "true",
            Unavailable("the gateway could not serve this request"),
        ),
    )


def mappers(max_body_bytes: int) -> tuple[Mapper, ...]:
    """Return the cases in every dialect that clients speak; OpenAI's is for all who did not say."""
    return tuple(
        Mapper(
            f"({case.condition}) && {dialect}" if dialect else case.condition, error_body(api, case.error), case.status
        )
        for case in cases(max_body_bytes)
        for api, dialect in _DIALECTS.items()
    )


def cel(expression: str) -> dict[str, object]:
    """Return an expression as the filter of a mapper."""
    return {
        "extension_filter": {
            "name": "envoy.access_loggers.extension_filters.cel",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter",
                "expression": expression,
            },
        }
    }


def not_found() -> str:
    """Return the body for a path that no one serves."""
    return error_body("openai.chat", NotFound("nothing is served at this path", code="unknown_url"))


def wrong_method(path: str, methods: tuple[str, ...]) -> str:
    """Return the body for a path that is served, but not by this method."""
    return error_body(
        "openai.chat", InvalidRequest(f"{path} takes {' and '.join(methods)} only", code="method_not_allowed")
    )


def allow(methods: tuple[str, ...]) -> tuple[dict[str, object], ...]:
    """Return the header that tells which methods a path takes."""
    return ({"header": {"key": "allow", "value": ", ".join(methods)}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"},)


def undecided(api: Api) -> str:
    """Return the body for a request that the sidecar let pass without a decision."""
    return error_body(api, Unavailable("the gateway did not decide on this request; nothing was sent to a provider"))


def error_body(api: Api, error: GatewayError) -> str:
    """Return an error in a dialect."""
    if api == "anthropic.messages":
        return json.dumps({"type": "error", "error": {"type": error.type, "message": error.message}})
    return json.dumps(
        {"error": {"message": error.message, "type": error.type, "param": error.param, "code": error.code}}
    )


_DIALECTS: dict[Api, str] = {
    "anthropic.messages": "filter_state['plano.path'] == '/v1/messages'",
    "openai.chat": "",
}

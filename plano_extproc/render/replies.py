"""The errors that Envoy answers by itself: which, when, and in whose dialect.

`cases` is the table, in the order in which they are tried. A condition is an expression of CEL on the finished
exchange; `code_details` are Envoy's own words for what went wrong.
"""

import json
from dataclasses import dataclass
from typing import Any

from plano_extproc import apis, headers
from plano_extproc.agents import passthrough
from plano_extproc.apis import Api
from plano_extproc.errors import (
    BadProviderAnswer,
    Forbidden,
    GatewayError,
    InvalidRequest,
    NotFound,
    RateLimited,
    TimedOut,
    TooLarge,
    Unauthenticated,
    Unavailable,
)
from plano_extproc.render import edge
from plano_extproc.translate import error_body

OURS = (
    f"response.code_details.startsWith('{headers.LOCAL_REPLY_DETAILS_PREFIX}')"
    " || response.code_details == 'direct_response'"
)
"""Bodies that are already as the caller shall see them: the sidecar's, and those of the routes."""

JSON_HEADERS = (edge.overwrite("content-type", "application/json"),)


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

    @property
    def filled(self) -> Any:
        """Return the body where it holds a command of Envoy's, else None."""
        return json.loads(self.body) if "%" in self.body else None


@dataclass(frozen=True, slots=True)
class _Side:
    """Who was asked: `name` is for the messages, `condition` tells it from others."""

    name: str
    condition: str = "true"


_MODEL = _Side("the model provider")
_AGENT = _Side(
    f"agent '%DYNAMIC_METADATA({headers.METADATA_NAMESPACE}:agent)%'",
    f"has(metadata.filter_metadata['{headers.METADATA_NAMESPACE}'].agent)",
)


def cases(max_body_bytes: int, *, has_agents: bool = False) -> tuple[Case, ...]:
    """Return every failure that Envoy can meet, the last one being all the rest."""
    return (
        Case(
            "response.code_details == 'request_payload_too_large'",
            TooLarge(f"the request's body is larger than {max_body_bytes} bytes, the limit of this gateway"),
        ),
        Case(
            f"{_REFUSED_TOKEN} && response.code == 403",
            Forbidden("the token is for another audience than this listener", code="wrong_audience"),
        ),
        Case(
            _REFUSED_TOKEN,
            Unauthenticated(
                "this listener wants a valid token of its issuer, as Authorization: Bearer", code="invalid_token"
            ),
            status=401,
        ),
        Case(
            "response.code_details.startsWith('ext_proc') && response.code == 504",
            TimedOut("the gateway took too long to decide on this request; try again"),
        ),
        Case(
            "response.code_details.startsWith('ext_proc')",
            Unavailable("the gateway cannot decide on requests at the moment; try again shortly"),
        ),
        # A request that the sidecar let pass without a decision, or one for a cluster that is gone.
        Case(
            "response.code_details == 'cluster_not_found'",
            Unavailable("the gateway has no provider for this request at the moment; try again shortly"),
        ),
        *(case for side in ((_AGENT, _MODEL) if has_agents else (_MODEL,)) for case in _failures(side)),
        Case(
            "response.code_details == 'overload'",
            Unavailable("the gateway is overloaded; try again shortly"),
        ),
        Case(
            "response.code == 408",
            InvalidRequest("the request did not arrive in time"),
        ),
        # Of a limit that Envoy itself keeps, or its rate-limit service.
        Case(
            "response.code == 429",
            RateLimited("a rate limit is reached; try again later", code="rate_limit_exceeded"),
        ),
        Case(
            "response.code == 431",
            InvalidRequest("the request's headers are too large"),
        ),
        Case(
            "response.code < 500",
            InvalidRequest("the request is not valid HTTP, or uses a feature that this gateway does not offer"),
        ),
        Case(
            "true",
            Unavailable("the gateway could not serve this request"),
        ),
    )


def _failures(side: _Side) -> tuple[Case, ...]:
    """Return what may become of a request that was sent on."""
    return (
        Case(
            f"response.code == 504 && {side.condition}",
            TimedOut(f"{side.name} did not answer in time"),
        ),
        Case(
            f"response.code >= 500 && ({_RESET}) && {side.condition}",
            BadProviderAnswer(f"{side.name} closed the connection without a valid answer"),
            status=502,
        ),
        Case(
            f"response.code_details == 'response_payload_too_large' && {side.condition}",
            BadProviderAnswer(f"the answer of {side.name} is too large to be read as a whole"),
            status=502,
        ),
        Case(
            f"({_UNREACHABLE}) && {side.condition}",
            Unavailable(f"{side.name} cannot be reached"),
        ),
    )


def mappers(max_body_bytes: int, *, everywhere: bool, has_agents: bool = False) -> tuple[Mapper, ...]:
    """Return the cases in every dialect that clients speak.

    With `everywhere`, OpenAI's is also for whoever called no path of ours; else those requests have no mapper.
    With `has_agents`, agents are named, and there are paths of other protocols.
    """
    return tuple(
        Mapper(f"({case.condition}) && ({dialect})" if dialect else case.condition, body, case.status)
        for case in cases(max_body_bytes, has_agents=has_agents)
        for dialect, body in (
            *([(_below(*passthrough.PREFIXES), passthrough.refusal(case.error, None).decode())] if has_agents else ()),
            (_on_path("anthropic.messages", also=(apis.COUNT_TOKENS,)), _body("anthropic.messages", case.error)),
            # What is asked for with GET is the list of models, by clients of any dialect.
            (
                f"request.method == 'POST' && ({_below(*apis.NAMING_A_MODEL)})",
                _body("gemini.generate", case.error),
            ),
            ("" if everywhere else _on_path("openai.chat", "openai.responses"), _body("openai.chat", case.error)),
        )
    )


def _on_path(*dialects: Api, also: tuple[str, ...] = ()) -> str:
    paths = (*(path for path, api in apis.BY_PATH.items() if api in dialects), *also)
    return " || ".join(f"filter_state['plano.path'] == b'{path}'" for path in paths)


def _below(*prefixes: str) -> str:
    # Envoy's CEL cannot turn bytes into text, but it can compare them; "0" is what follows "/".
    assert all(prefix.endswith("/") for prefix in prefixes)
    path = "filter_state['plano.path']"
    return " || ".join(f"{path} >= b'{prefix}' && {path} < b'{prefix[:-1]}0'" for prefix in prefixes)


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
    served = "chats are at /v1/chat/completions, /v1/messages and /v1/responses"
    return _body("openai.chat", NotFound(f"nothing is served at this path; {served}", code="unknown_url"))


def wrong_method(path: str, methods: tuple[str, ...]) -> str:
    """Return the body for a path that is served, but not by this method."""
    return _body("openai.chat", InvalidRequest(f"{path} takes {' and '.join(methods)} only", code="method_not_allowed"))


def upgrade_only(path: str) -> str:
    """Return the body for a path that is served by WebSocket, and was called without."""
    return _body("openai.chat", InvalidRequest(f"{path} is a WebSocket: connect with one", code="upgrade_required"))


def allow(methods: tuple[str, ...]) -> tuple[dict[str, object], ...]:
    """Return the header that tells which methods a path takes."""
    return (edge.overwrite("allow", ", ".join(methods)),)


def unanswered() -> str:
    """Return the body for a request that the sidecar should have answered, and let pass."""
    return _body("openai.chat", Unavailable("the gateway has no answer to this request; try again shortly"))


def _body(api: Api, error: GatewayError) -> str:
    return error_body(api, error).decode()


_REFUSED_TOKEN = "response.code_details.startsWith('jwt_authn_access_denied')"  # noqa: S105 - words of Envoy's
_RESET = " || ".join(
    f"response.code_details.contains('{reset}')"
    for reset in ("connection_termination", "remote_reset", "protocol_error")
)
_UNREACHABLE = "response.code_details.startsWith('upstream_reset') || response.code_details == 'no_healthy_upstream'"

"""A plan: how one model name is served for one client dialect. Made at first use, then read by every exchange."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum

from plano_extproc import headers
from plano_extproc.apis import Api
from plano_extproc.config.catalogue import Endpoint
from plano_extproc.errors import InvalidRequest, NotImplementedYet
from plano_extproc.gateway.actions import BodyMode, Changes
from plano_extproc.gateway.surface import Surface
from plano_extproc.providers import Upstream, api_for, upstream
from plano_extproc.providers.auth import Authorizer
from plano_extproc.routing import Choice
from plano_extproc.translate import Profile, can_translate, chatgpt, profile_for

_ACCOUNT_HEADERS = ("openai-organization", "openai-project")
"""They select an account of the client's own key, and would be refused with ours."""

_DIALECT_HEADERS = ("anthropic-version", "anthropic-beta", "openai-beta")
"""They say which form of the client's dialect it speaks; a translated request is in another."""


class Way(Enum):
    """How an answer comes back."""

    BYPASS = "bypass"
    """The provider speaks the caller's dialect: Envoy streams its bytes, Python has left the path."""

    DIRECT = "direct"
    """The answer passes through this exchange, to be translated."""


@dataclass(slots=True, eq=False)
class Plan:
    """All of an exchange that does not depend on the body beyond its model's name."""

    way: Way
    choice: Choice
    upstream: Upstream
    profile: Profile
    authorizer: Authorizer | None
    request: dict[bool, Changes]
    """For a whole answer and for a stream, since some dialects ask for either by the path."""
    attempt: dict[bool, Changes]
    """The same at the attempt position, where Envoy has chosen the cluster and an earlier try has left its headers."""
    response: dict[BodyMode | None, Changes]
    """For each way to read the answer's body; None leaves it to Envoy."""
    takes_marks: bool = False
    """Whether requests may get marks for the provider's prompt cache."""

    @property
    def first(self) -> "Plan":
        """Who is tried first; a plan may stand wherever a chain may, as a chain of one."""
        return self

    @property
    def tries(self) -> tuple["Plan", ...]:
        """Who is tried, in order."""
        return (self,)

    def before(self, attempts: int) -> tuple["Plan", ...]:  # noqa: ARG002 - the signature of `Chain`
        """Return who was tried in vain, where a number of attempts were made: nobody else."""
        return ()


def plan(
    choice: Choice,
    surface: Surface,
    listener: str,
    *,
    default_connect_timeout: float,
    authorizer: Authorizer | None = None,
) -> Plan:
    """Work out everything about serving `choice` at a surface that every request shares.

    Raises `InvalidRequest` where the provider lacks the endpoint, and `NotImplementedYet` where no translation leads to
    its dialects.
    """
    way, profile = Way.BYPASS, Profile()
    if surface.endpoint is not None:
        _demand(choice, surface.endpoint)
        what: Api | Endpoint = surface.endpoint
    else:
        what = api = api_for(choice.provider, surface.api, choice.model)
        if api != surface.api:
            way, profile = Way.DIRECT, profile_for(api, choice.model, choice.provider.kind.max_tokens_field)
            if not can_translate(api):
                raise NotImplementedYet(
                    f"model '{choice.name}' speaks {api}, which cannot be translated to {surface.api} yet"
                )
    provider = choice.provider
    if provider.provider == "chatgpt":
        profile = replace(profile, fit=chatgpt.fitted, replay_reasoning=True)
    up = upstream(provider, what, choice.model, default_connect_timeout=default_connect_timeout)
    metadata = _metadata(choice, surface, up, way, listener)
    request = {is_stream: _request(choice, up, way, is_stream, metadata) for is_stream in (False, True)}
    return Plan(
        way=way,
        choice=choice,
        upstream=up,
        profile=profile,
        authorizer=authorizer,
        request=request,
        attempt={is_stream: _attempt(changes) for is_stream, changes in request.items()},
        response={mode: _response(choice, mode) for mode in (None, *BodyMode)},
    )


def _attempt(request: Changes) -> Changes:
    return replace(
        request,
        set=tuple(pair for pair in request.set if pair[0] != headers.CLUSTER and not pair[0].startswith("x-envoy-")),
        remove=(*request.remove, *headers.OF_A_TRY),
        clear_route=False,
        metadata={},
        wire=None,
    )


def _demand(choice: Choice, endpoint: Endpoint) -> None:
    if not choice.provider.has(endpoint, choice.model):
        raise InvalidRequest(
            f"the provider of model '{choice.name}' has no {endpoint.replace('.', ' ').replace('_', ' ')}",
            param="model",
            code="unsupported_endpoint",
        )


def _metadata(choice: Choice, surface: Surface, up: Upstream, way: Way, listener: str) -> dict[str, str]:
    return {
        "listener": listener,
        "client_api": surface.endpoint or surface.api,
        "provider_api": up.what,
        "way": way.value,
        **({"agent": choice.agent} if choice.agent else {"model": choice.name}),
        **({"route": choice.route} if choice.route else {}),
        "reason": choice.reason,
    }


def _response(choice: Choice, mode: BodyMode | None) -> Changes:
    return Changes(
        set=(
            _served_by(choice),
            (headers.ROUTE_REASON, choice.reason.encode("ascii", "replace")),
            *([(headers.ROUTE, choice.route.encode("ascii", "replace"))] if choice.route else []),
        ),
        remove=_REMOVED.get(mode, ()),
        response_body=mode,
    )


def _served_by(choice: Choice) -> tuple[str, bytes]:
    if choice.agent is not None:
        return headers.AGENT, choice.agent.encode("ascii", "replace")
    return headers.MODEL, choice.name.encode("ascii", "replace")


def _request(choice: Choice, up: Upstream, way: Way, is_stream: bool, metadata: dict[str, str]) -> Changes:
    timeouts = choice.provider.timeouts
    set_ = [(headers.CLUSTER, up.cluster), (":path", up.stream_path if is_stream else up.path)]
    if up.credential:
        set_.append(up.credential)
    if way is Way.DIRECT:
        # The answer is read here, so it must come as it is.
        set_ += [("accept-encoding", "identity"), ("content-type", "application/json")]
    if timeouts.first_byte:
        set_.append(("x-envoy-upstream-rq-per-try-timeout-ms", str(int(timeouts.first_byte * 1000))))
    if timeouts.total:
        set_.append(("x-envoy-upstream-rq-timeout-ms", str(int(timeouts.total * 1000))))
    set_ += up.headers
    account = () if up.is_passthrough else _ACCOUNT_HEADERS
    # What an agent is sent may have been put into its words before.
    dialect = _DIALECT_HEADERS if way is Way.DIRECT or choice.agent else ()
    hops = () if choice.agent else (headers.HOPS,)
    return Changes(
        set=tuple((name, value.encode()) for name, value in set_),
        remove=(*headers.CREDENTIALS, *account, *dialect, *hops),
        clear_route=True,
        metadata=metadata,
    )


_REMOVED: Mapping[BodyMode | None, tuple[str, ...]] = {
    # What is translated has another length, and is sent plain.
    BodyMode.STREAMED: ("content-length", "content-encoding"),
    BodyMode.BUFFERED: ("content-length", "content-encoding"),
    # Without a length, a client waits for the end, which comes once this exchange has heard of the cost.
    BodyMode.COST: ("content-length",),
}
"""Headers of an answer that go, by how its body is read."""

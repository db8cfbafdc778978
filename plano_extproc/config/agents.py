"""`agents`, `filters`, `endpoints`: the user's own services."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from plano_extproc.config.values import (
    SINCE_V0_5,
    HeaderName,
    Headers,
    HostPort,
    Part,
    PositiveDuration,
    Text,
    Url,
    refusal,
    split_host,
)
from plano_extproc.headers import CREDENTIALS


def _one_or_more(value: object) -> object:
    return (value,) if isinstance(value, str) else value


_URLS_SCHEMA = WithJsonSchema(
    {
        "anyOf": [
            {"type": "string", "pattern": r"^https?://|\$"},
            {"type": "array", "minItems": 1, "items": {"type": "string", "pattern": r"^https?://|\$"}},
        ]
    }
)


def _no_credential(name: str) -> str:
    if name in CREDENTIALS:
        raise refusal(f"header '{name}' is a client's credential", "give the service a key of its own under headers")
    return name


ForwardedHeader = Annotated[HeaderName, AfterValidator(_no_credential)]
"""The name of a client's header that a service gets to see."""


class Service(Part):
    """What agents and filters have in common: the user's own HTTP services."""

    headers: Headers = Field(
        {}, description="Headers to send it, such as a key of its own.", repr=False, json_schema_extra=SINCE_V0_5
    )
    forward_headers: tuple[ForwardedHeader, ...] = Field(
        (),
        description="Further headers of the client that it gets; credentials are never among them.",
        json_schema_extra=SINCE_V0_5,
    )


class Agent(Service):
    """An HTTP service that answers chat completions, or speaks A2A or MCP."""

    id: Text = Field(description="Its id; agents and filters share one namespace.")
    url: Annotated[tuple[Url, ...], Field(min_length=1), BeforeValidator(_one_or_more), _URLS_SCHEMA] = Field(
        description="Where it is: one URL, or a list of equal ones."
    )
    protocol: Literal["chat", "a2a", "mcp"] = Field(
        "chat",
        description="What it speaks: chat completions, or a protocol that is passed through below /a2a/ or /mcp/.",
        json_schema_extra=SINCE_V0_5,
    )


def _own_id(known: dict[str, Any]) -> str:
    return str(known.get("id", ""))


class Filter(Service):
    """A service that may change or refuse what passes."""

    id: Text = Field(description="Its id; agents and filters share one namespace.")
    url: Url = Field(description="Where it is.")
    type: Literal["mcp", "http"] = Field("mcp", description="How it is called.")
    transport: Literal["streamable-http"] = Field("streamable-http", description="MCP transport.")
    tool: Text = Field(default_factory=_own_id, description="MCP tool to call. Default: the id.")
    timeout: PositiveDuration = Field(
        10.0, description="Longest wait for one call of it.", json_schema_extra=SINCE_V0_5
    )
    on_error: Literal["reject", "skip"] = Field(
        "reject",
        description="What a filter that fails means: the request is refused, or passes without it.",
        json_schema_extra=SINCE_V0_5,
    )
    stream: Literal["events", "text"] | None = Field(
        None,
        description="What an output filter sees of a stream: whole events, or windows of its text. "
        "Default: events for http, text for mcp.",
        json_schema_extra=SINCE_V0_5,
    )


class Endpoint(Part):
    """A named upstream for prompt targets."""

    endpoint: HostPort = Field(description="host or host:port; 443 or 80 by protocol.")
    connect_timeout: PositiveDuration | None = Field(
        None, description="Longest wait for a connection. Default: overrides.upstream_connect_timeout."
    )
    protocol: Literal["http", "https"] = Field("http", description="How it is spoken to.")
    http_host: Text | None = Field(None, description="Host header, when it is not the host itself.")
    prefix_affinity: bool = Field(False, description="Send requests with the same prompt prefix to the same host.")

    @property
    def host(self) -> str:
        """The host alone."""
        return split_host(self.endpoint, 80)[0]

    @property
    def port(self) -> int:
        """The port, given or by protocol."""
        return split_host(self.endpoint, 443 if self.protocol == "https" else 80)[1]

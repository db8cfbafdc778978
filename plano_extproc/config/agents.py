"""`agents`, `filters`, `endpoints`: the user's own services."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from plano_extproc.config.values import HostPort, Part, PositiveDuration, Text, Url, split_host


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


class Agent(Part):
    """An HTTP service that answers chat completions."""

    id: Text = Field(description="Its id; agents and filters share one namespace.")
    url: Annotated[tuple[Url, ...], Field(min_length=1), BeforeValidator(_one_or_more), _URLS_SCHEMA] = Field(
        description="Where it is: one URL, or a list of equal ones."
    )


def _own_id(known: dict[str, Any]) -> str:
    return str(known.get("id", ""))


class Filter(Part):
    """A service that may change or refuse what passes."""

    id: Text = Field(description="Its id; agents and filters share one namespace.")
    url: Url = Field(description="Where it is.")
    type: Literal["mcp", "http"] = Field("mcp", description="How it is called.")
    transport: Literal["streamable-http"] = Field("streamable-http", description="MCP transport.")
    tool: Text = Field(default_factory=_own_id, description="MCP tool to call. Default: the id.")


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

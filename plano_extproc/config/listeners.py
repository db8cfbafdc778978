"""`listeners`: the ports that clients call."""

from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag

from plano_extproc.config.prompts import PromptTarget
from plano_extproc.config.values import (
    SINCE_V0_5,
    Address,
    Duration,
    Part,
    Port,
    PositiveDuration,
    Text,
    Url,
    Whole,
    refusal,
)

ListenerType = Literal["model", "prompt", "agent", "unified"]

DEFAULT_PORTS: Final[dict[str, int]] = {"model": 12000, "prompt": 10000}
"""Listeners of other types must say their port."""

DEFAULT_NAME: Final = "egress_traffic"
"""The name of the model listener that is added when the file declares none."""


class Fallback(Part):
    """What to do instead, when an agent fails."""

    fallback: Text = Field(description="Id of the agent that takes over.")


def _spelled_out(value: object) -> object:
    if isinstance(value, str) and value.startswith("fallback:"):
        return {"fallback": value.removeprefix("fallback:").strip()}
    return value


def _word_or_mapping(value: object) -> str:
    return "word" if isinstance(value, str) else "mapping"


OnAgentError = Annotated[
    Annotated[Literal["fail", "skip"], Tag("word")] | Annotated[Fallback, Tag("mapping")],
    Discriminator(_word_or_mapping),
    BeforeValidator(_spelled_out),
]


class Memory(Part):
    """Facts remembered about a user across conversations."""

    retrieve: Annotated[Whole, Field(ge=0, le=100)] = Field(5, description="Memories added to a request.")
    extract: Text = Field("rule", description="How memories are found: `rule`, or a configured model.")
    match: Literal["words", "minilm"] = Field(
        "words", description="How memories are chosen: by words in common, or by meaning."
    )


class ListenerAgent(Part):
    """An agent as one listener uses it."""

    id: Text = Field(description="Id of an entry of `agents`.")
    description: str = Field(description="What the agent is for, in words: requests are matched against it.")
    default: bool = Field(False, description="Takes what matches no other agent.")
    input_filters: tuple[str, ...] = Field((), description="Ids of filters that see a request before the agent does.")
    output_filters: tuple[str, ...] = Field(
        (), description="Ids of filters that see what the agent says.", json_schema_extra=SINCE_V0_5
    )
    timeout: PositiveDuration | None = Field(
        None, description="Longest wait for the agent's answer.", json_schema_extra=SINCE_V0_5
    )
    retries: Annotated[Whole, Field(ge=0, le=10)] = Field(
        0, description="Further tries after a failed one.", json_schema_extra=SINCE_V0_5
    )
    weight: Annotated[Whole, Field(ge=0)] = Field(
        1,
        description="Share of requests among agents with the same description, which are variants of one another.",
        json_schema_extra=SINCE_V0_5,
    )
    on_error: OnAgentError = Field(
        "fail",
        description="What a failed agent means: `fail`, `skip`, or `{fallback: <id>}`.",
        json_schema_extra=SINCE_V0_5,
    )
    memory: Memory | None = Field(
        None,
        description="Memory across conversations, for this agent alone; off unless given.",
        json_schema_extra=SINCE_V0_5,
    )


class Jwt(Part):
    """Tokens that callers must show, checked by Envoy."""

    issuer: Text = Field(description="The `iss` that tokens must have.")
    jwks_uri: Url = Field(description="Where the issuer's public keys are.")
    audiences: tuple[Text, ...] = Field((), description="Accepted `aud` values; none means any.")


class Cors(Part):
    """Which web pages may call this listener."""

    allow_origins: tuple[Text, ...] = Field(min_length=1, description='Origins such as https://app.example, or "*".')


def _by_name(value: object) -> str:
    return "name" if isinstance(value, str) else "definition"


ListenerPromptTarget = Annotated[
    Annotated[Text, Tag("name")] | Annotated[PromptTarget, Tag("definition")], Discriminator(_by_name)
]


def _printable(name: str) -> str:
    if not name.isprintable() or not name.isascii():
        raise refusal("may hold printable ASCII characters only", "it travels in a header")
    return name


def _default_port(known: dict[str, Any]) -> int:
    return DEFAULT_PORTS.get(known.get("type", ""), 0)


class Listener(Part):
    """One port that clients call."""

    name: Annotated[Text, AfterValidator(_printable)] = Field(description="Its name in logs and metrics.")
    type: ListenerType = Field(
        description="What it serves: models, prompt targets, agents, or all of them (`unified`)."
    )
    address: Address = Field(
        "127.0.0.1",
        description="IP address to listen on. Default: PLANO_LISTEN_ADDRESS, else loopback (0.0.0.0 before v0.5).",
    )
    port: Port = Field(
        default_factory=_default_port,
        description="Port to listen on. Default: 12000 for model, 10000 for prompt listeners.",
    )
    timeout: Duration = Field(
        300.0, description="Longest silence of an exchange: until the answer begins, and within it; 0s is no limit."
    )
    max_retries: Annotated[Whole, Field(ge=0, le=100)] | None = Field(
        None, description="Further tries at the same provider after a failed one."
    )
    router: Literal["plano_orchestrator_v1"] | None = Field(
        None, description="Which router chooses agents: the orchestrator model if configured, else the local one."
    )
    agents: tuple[ListenerAgent, ...] = Field((), description="The agents behind this listener.")
    input_filters: tuple[str, ...] = Field((), description="Ids of filters that see every request, in order.")
    output_filters: tuple[str, ...] = Field((), description="Ids of filters that see every answer, in order.")
    prompt_targets: tuple[ListenerPromptTarget, ...] | None = Field(
        None,
        description="Prompt targets of this listener: names, or definitions in place. Default: all.",
        json_schema_extra=SINCE_V0_5,
    )
    parallel: bool = Field(
        False,
        description="Call independent agents at once; answers come in declared order.",
        json_schema_extra=SINCE_V0_5,
    )
    max_agents: Annotated[Whole, Field(ge=1, le=20)] = Field(
        5, description="Most agents that one request runs through.", json_schema_extra=SINCE_V0_5
    )
    clients: tuple[Text, ...] = Field(
        (),
        description="Ids of the clients that may call; none means anyone who reaches the port.",
        json_schema_extra=SINCE_V0_5,
    )
    jwt: Jwt | None = Field(None, description="Tokens that callers must show.", json_schema_extra=SINCE_V0_5)
    memory: Memory | None = Field(
        None, description="Memory across conversations; off unless given.", json_schema_extra=SINCE_V0_5
    )
    cors: Cors | None = Field(None, description="Which web pages may call.", json_schema_extra=SINCE_V0_5)

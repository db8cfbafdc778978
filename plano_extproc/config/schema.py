"""The whole configuration, typed: what `load` returns, and what the JSON Schema is made from."""

from typing import Annotated, Final, Literal

from pydantic import Field, WithJsonSchema

from plano_extproc.config.agents import Agent, Endpoint, Filter
from plano_extproc.config.governance import Governance
from plano_extproc.config.listeners import Listener
from plano_extproc.config.models import ModelAlias, ModelProvider
from plano_extproc.config.policies import (
    Cache,
    Client,
    Cooldown,
    PromptGuards,
    RateLimit,
    StateStorage,
)
from plano_extproc.config.prompts import PromptTarget
from plano_extproc.config.routing import MetricsSource, Overrides, PromptCaching, Routing, RoutingPreference
from plano_extproc.config.telemetry import Tracing
from plano_extproc.config.values import SINCE_V0_5, Part

SPELLINGS: Final = ("v0.5.0", "0.5.0", "v0.5", "0.5")
"""How the current version may be written."""


class Config(Part):
    """A gateway's configuration.

    Loaded, it is normalised: `listeners` holds at least one model listener, every listener has its port and
    address, every provider entry its name and a known kind.
    """

    version: Annotated[Literal["v0.5.0"], WithJsonSchema({"enum": list(SPELLINGS)})] = Field(
        description="Version of the file's format."
    )
    listeners: tuple[Listener, ...] = Field(
        (), description="Ports that clients call. A model listener on 127.0.0.1:12000 is added when there is none."
    )
    model_providers: tuple[ModelProvider, ...] = Field((), description="Models that can be called, and where.")
    model_aliases: dict[str, ModelAlias] = Field({}, description="Other names for models.")
    routing_preferences: tuple[RoutingPreference, ...] = Field((), description="Which models for which requests.")
    model_metrics_sources: tuple[MetricsSource, ...] = Field((), description="Where prices and latencies come from.")
    routing: Routing = Field(Routing(), description="Sessions that stay with a model.")
    prompt_caching: PromptCaching = Field(PromptCaching(), description="Use of the providers' prompt caches.")
    agents: tuple[Agent, ...] = Field((), description="HTTP services that answer chat completions.")
    filters: tuple[Filter, ...] = Field((), description="Services that may change or refuse what passes.")
    endpoints: dict[str, Endpoint] = Field({}, description="Named upstreams for prompt targets.")
    prompt_targets: tuple[PromptTarget, ...] = Field((), description="APIs that a prompt may call.")
    system_prompt: str | None = Field(None, description="System prompt for prompts that go to a model.")
    prompt_guards: PromptGuards | None = Field(None, description="Guards on what goes in and what comes out.")
    clients: tuple[Client, ...] = Field((), description="Who may call.", json_schema_extra=SINCE_V0_5)
    ratelimits: tuple[RateLimit, ...] = Field((), description="Limits on models.")
    state_storage: StateStorage | None = Field(None, description="Where conversations are kept.")
    cache: Cache | None = Field(None, description="Answers kept for the same request.", json_schema_extra=SINCE_V0_5)
    cooldown: Cooldown = Field(
        Cooldown(), description="When a failing provider goes to the end.", json_schema_extra=SINCE_V0_5
    )
    governance: Governance | None = Field(None, description="Rules for agents.", json_schema_extra=SINCE_V0_5)
    tracing: Tracing = Field(Tracing(), description="Where spans go.")
    overrides: Overrides = Field(Overrides(), description="Single settings.")
    mode: Literal["llm", "prompt"] | None = Field(None, description="Read for compatibility; has no effect.")

"""`routing_preferences`, `model_metrics_sources`, `routing`, `prompt_caching`, `overrides`: which model, and how."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr

from plano_extproc.config.values import (
    SINCE_V0_5,
    HeaderName,
    Number,
    Part,
    PositiveDuration,
    Text,
    Url,
    UrlOrFile,
    Whole,
    refusal,
)

AtLeastOne = Annotated[Whole, Field(ge=1)]
Share = Annotated[Number, Field(ge=0, le=1)]


class SelectionPolicy(Part):
    """How the models of a route are put in order."""

    prefer: Literal["cheapest", "fastest", "none"] = Field(description="none keeps the declared order.")


class RoutingPreference(Part):
    """A kind of request, and the models for it."""

    name: Text = Field(description="Its name, once in the file.")
    description: str = Field(description="What requests of this kind are, in words.")
    models: tuple[Text, ...] = Field(min_length=1, description="Models for it, best first: also the fallback order.")
    selection_policy: SelectionPolicy | None = Field(None, description="How the models are put in order.")


class CostSource(Part):
    """Where prices come from."""

    type: Literal["cost"] = Field(description="Prices.")
    provider: Literal["digitalocean", "models.dev", "file"] = Field(
        description="Whose catalogue it is; file is one of your own."
    )
    url: UrlOrFile | None = Field(None, description="Where it is. Default: the provider's own.")
    path: Text | None = Field(
        None,
        description="The file, for provider file: YAML or JSON, `model: {input, output, cache_read, cache_write}` in "
        "US dollars for a million tokens. A relative path begins where the gateway was started.",
        json_schema_extra=SINCE_V0_5,
    )
    refresh_interval: AtLeastOne | None = Field(None, description="Seconds between two fetches. Default: once.")
    model_aliases: dict[str, Text] = Field({}, description="Models here, by their key in the catalogue.")


class LatencySource(Part):
    """Where latencies come from."""

    type: Literal["latency"] = Field(description="Latencies.")
    provider: Literal["prometheus"] = Field(description="What is asked.")
    url: Url = Field(description="Where it is.")
    query: Text = Field(description="PromQL whose answers carry the label model_name.")
    refresh_interval: AtLeastOne | None = Field(None, description="Seconds between two fetches. Default: once.")


MetricsSource = Annotated[CostSource | LatencySource, Field(discriminator="type")]


class SessionCache(Part):
    """Where the model chosen for a session is kept."""

    type: Literal["memory", "redis"] = Field("memory", description="In this gateway, or shared.")
    url: SecretStr | None = Field(None, description="redis:// or rediss:// URL.")
    tenant_header: HeaderName | None = Field(None, description="Header that keeps tenants apart.")
    on_error: Literal["open", "closed"] = Field(
        "open",
        description="What a store that does not answer means: requests go on without their session (open), or are "
        "refused (closed).",
        json_schema_extra=SINCE_V0_5,
    )


class RoutingBudget(Part):
    """How much leaving a warm prompt cache may cost."""

    max_switch_spend_pct: Annotated[Number, Field(ge=0, le=100)] = Field(
        description="Percent of a session's spending that switches of model may cost."
    )
    replenish_on_rebind: bool = Field(True, description="A new binding starts with a new budget.")
    cache_read_discount: Share = Field(0.1, description="Price of a cached token, as a share of the full one.")
    record_counterfactual: bool = Field(False, description="Record what would have been chosen without a budget.")
    on_unknown_price: Literal["open", "closed"] = Field(
        "open",
        description="Whether a switch between models of which one has no known price is allowed (open) or not.",
        json_schema_extra=SINCE_V0_5,
    )


class Routing(Part):
    """Sessions that stay with a model."""

    llm_provider: str | None = Field(None, description="Read for compatibility; has no effect.")
    model: str | None = Field(None, description="Read for compatibility; has no effect.")
    session_ttl_seconds: AtLeastOne | None = Field(None, description="Idle time that ends a session. Default: 600.")
    session_max_entries: Annotated[Whole, Field(ge=1, le=10000)] = Field(10000, description="Most sessions kept.")
    session_cache: SessionCache = Field(SessionCache(), description="Where sessions are kept.")
    routing_budget: RoutingBudget | None = Field(None, description="What switches of model may cost.")
    route_on_user_only: bool = Field(False, description="Choose a model on turns of the user only.")


class PromptCaching(Part):
    """Use of the providers' prompt caches."""

    enabled: bool = Field(False, description="Turns everything here on.")
    session_affinity: bool = Field(True, description="Keep a session at the model whose cache is warm.")
    inject_cache_control: bool = Field(True, description="Add cache marks where a provider wants them.")
    min_prefix_tokens: AtLeastOne = Field(1024, description="Shortest prefix worth a mark.")
    session_ttl_seconds: AtLeastOne | None = Field(
        None, description="Idle time that ends a session. Default: routing.session_ttl_seconds."
    )


def _limit_store(value: SecretStr) -> SecretStr:
    if value.get_secret_value() != "sqlite" and not value.get_secret_value().startswith(("redis://", "rediss://")):
        raise refusal("is no store", "write sqlite, or a redis:// URL")
    return value


class Overrides(Part):
    """Single settings."""

    max_body_bytes: Annotated[Whole, Field(ge=1024, le=1 << 30)] = Field(
        33554432, description="Largest request body; a longer one is answered with 413.", json_schema_extra=SINCE_V0_5
    )
    upstream_connect_timeout: PositiveDuration = Field(5.0, description="Longest wait for a connection.")
    upstream_tls_ca_path: Text | None = Field(
        None, description="File of trusted certificate authorities. Default: the system's."
    )
    llm_routing_model: Text | None = Field(
        None, description="Model that matches routing preferences: local/lexical, local/minilm, or a configured one."
    )
    agent_orchestration_model: Text | None = Field(None, description="Model that chooses agents, likewise.")
    router_timeout: PositiveDuration = Field(
        2.0, description="Longest wait for those models; then local/lexical decides.", json_schema_extra=SINCE_V0_5
    )
    orchestrator_model_context_length: AtLeastOne = Field(8192, description="Context of those models, in tokens.")
    function_calling_model: Text | None = Field(
        None, description="Model that fills the parameters of prompt targets.", json_schema_extra=SINCE_V0_5
    )
    limit_store: Annotated[SecretStr, AfterValidator(_limit_store)] | None = Field(
        None,
        description="Where limits, budgets and usage are counted: sqlite, or a redis:// URL. "
        "Default: the Redis that the file names for something else, else sqlite.",
        json_schema_extra=SINCE_V0_5,
    )
    on_limit_store_error: Literal["closed", "open"] | None = Field(
        None,
        description="What a failing store of limits means: let requests pass, or refuse them. "
        "Default: open for limits, closed for clients with a budget.",
        json_schema_extra=SINCE_V0_5,
    )
    disable_signals: bool = Field(False, description="Do not look for signals in conversations.")
    signals_on_answer: bool = Field(
        False, description="Look for signals in answers too, by a copy of each.", json_schema_extra=SINCE_V0_5
    )
    signals_mode: Literal["standard", "compatible"] = Field(
        "standard",
        description="How signals are looked for: with few false alarms, or by the rules of Plano 0.4.",
        json_schema_extra=SINCE_V0_5,
    )
    optimize_context_window: bool = Field(False, description="Send shorter prompts to the function-calling model.")
    prompt_target_intent_matching_threshold: Number | None = Field(None, description="How sure a match must be.")
    use_agent_orchestrator: bool = Field(False, description="Route prompts to the one endpoint, an orchestrator.")

    @property
    def max_answer_bytes(self) -> int:
        """The largest answer that is held as a whole; a small limit for requests does not make it small."""
        return max(self.max_body_bytes, 32 * 1024 * 1024)

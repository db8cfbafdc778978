"""`governance`: what agents may do, and the record of what they did."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr

from plano_extproc.config.values import HeaderName, Part, PositiveDuration, Text, Whole, refusal


def _store(value: SecretStr) -> SecretStr:
    if value.get_secret_value() != "sqlite" and not value.get_secret_value().startswith(("redis://", "rediss://")):
        raise refusal("is no store", "write sqlite, or a redis:// URL")
    return value


class Ledger(Part):
    """How the record is written."""

    mode: Literal["batched", "strict"] = Field(
        "batched", description="strict: a row is written before its answer ends; batched: shortly after."
    )


class ErrorBudget(Part):
    """How many errors an agent may make."""

    errors: Annotated[Whole, Field(ge=0)] = Field(description="Most errors.")
    per: PositiveDuration = Field(description="In which time.")


class GovernedAgent(Part):
    """What one agent may do."""

    id: Text = Field(description="Id of an agent.")
    tier: Annotated[Whole, Field(ge=0, le=9)] = Field(0, description="Its tier; a higher one may do more.")
    allowed_side_effects: tuple[Text, ...] = Field((), description="What it may do.")
    forbidden_actions: tuple[Text, ...] = Field((), description="What it must never do.")
    error_budget: ErrorBudget | None = Field(None, description="How many errors it may make.")


class Governance(Part):
    """Rules for agents."""

    store: Annotated[SecretStr, AfterValidator(_store)] = Field(
        SecretStr("sqlite"), description="Where rules and records live: sqlite, or a redis:// URL."
    )
    on_store_error: Literal["closed", "open"] = Field("closed", description="What a failing store means.")
    ledger: Ledger = Field(Ledger(), description="How the record is written.")
    tenant_header: HeaderName | None = Field(None, description="Header that names the tenant.")
    cut_streams: bool = Field(False, description="Cut running answers of a revoked agent.")
    agents: tuple[GovernedAgent, ...] = Field((), description="The agents that rules are for.")

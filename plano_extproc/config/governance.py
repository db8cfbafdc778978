"""`governance`: what agents may do, and the record of what they did."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, WithJsonSchema

from plano_extproc.config.values import HeaderName, Number, Part, PositiveDuration, Text, Whole, refusal


def _store(value: SecretStr) -> SecretStr:
    if value.get_secret_value() != "sqlite" and not value.get_secret_value().startswith(("redis://", "rediss://")):
        raise refusal("is no store", "write sqlite, or a redis:// URL")
    return value


def _postgres(value: SecretStr) -> SecretStr:
    if not value.get_secret_value().startswith(("postgres://", "postgresql://")):
        raise refusal("is no URL of a PostgreSQL server", "begin it with postgresql://, or leave it out for SQLite")
    return value


def _pattern(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise refusal(f"is no regular expression: {error}", "write one as Python's re module reads it") from None
    return value


def _action(value: object) -> object:
    return {"tool": value} if isinstance(value, str) else value


class Ledger(Part):
    """How the record is written."""

    mode: Literal["batched", "strict"] = Field(
        "batched", description="strict: a row is written before its answer ends; batched: shortly after."
    )
    connection_string: Annotated[SecretStr, AfterValidator(_postgres)] | None = Field(
        None, description="A PostgreSQL to keep it in, for many nodes. Default: a SQLite file in PLANO_HOME."
    )


class ErrorBudget(Part):
    """How many errors an agent may make."""

    errors: Annotated[Whole, Field(ge=0)] = Field(description="Errors that spend it; 0 is like 1.")
    per: PositiveDuration = Field(description="In which time.")


class AgentLimit(Part):
    """How much an agent may use in a rolling window."""

    calls: Annotated[Whole, Field(ge=1)] | None = Field(None, description="Most calls.")
    tokens: Annotated[Whole, Field(ge=1)] | None = Field(None, description="Most tokens, read and written.")
    usd: Annotated[Number, Field(gt=0)] | None = Field(None, description="Most money, in US dollars.")
    per: PositiveDuration = Field(description="In which time.")


class ForbiddenAction(Part):
    """Calls of tools that must not be made."""

    tool: Text = Field("*", description="The tool's name; * stands for any letters.")
    arguments: Annotated[Text, AfterValidator(_pattern)] | None = Field(
        None, description="A regular expression; only calls with an argument in which it is found are meant."
    )


Action = Annotated[
    ForbiddenAction,
    BeforeValidator(_action),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "minLength": 1},
                {
                    "type": "object",
                    "properties": {
                        "tool": {"type": "string", "minLength": 1},
                        "arguments": {"type": "string", "minLength": 1},
                    },
                    "additionalProperties": False,
                },
            ]
        }
    ),
]


class Rules(Part):
    """What an agent may do, whether for one agent or for all of a tier."""

    allowed_side_effects: tuple[Text, ...] = Field(
        (), description="What it may do: of the tools, only those named here, * standing for any letters. None: any."
    )
    forbidden_actions: tuple[Action, ...] = Field(
        (), description="Tools that it must never call: names, or a name and a pattern for arguments."
    )
    confidence_threshold: Annotated[Number, Field(ge=0, le=1)] | None = Field(
        None, description="An answer that declares less confidence counts as an error."
    )
    error_budget: ErrorBudget | None = Field(None, description="How many errors it may make.")
    limits: tuple[AgentLimit, ...] = Field((), description="How much it may use.")


class Tier(Rules):
    """What all agents of a tier may do; an agent's own rules stand in place of these, but forbidden actions add up."""

    tier: Annotated[Whole, Field(ge=0, le=9)] = Field(description="The tier.")


class GovernedAgent(Rules):
    """What one agent may do."""

    id: Text = Field(description="Id of an agent.")
    tier: Annotated[Whole, Field(ge=0, le=9)] = Field(0, description="Its tier; a higher one may do more.")
    client: Text | None = Field(
        None, description="The client whose key the agent calls models with; nothing else says that it is this agent."
    )


class Governance(Part):
    """Rules for agents."""

    store: Annotated[SecretStr, AfterValidator(_store)] = Field(
        SecretStr("sqlite"), description="Where rules and records live: sqlite, or a redis:// URL."
    )
    on_store_error: Literal["closed", "open"] = Field("closed", description="What a failing store means.")
    ledger: Ledger = Field(Ledger(), description="How the record is written.")
    tenant_header: HeaderName | None = Field(None, description="Header that names the tenant.")
    cut_streams: bool = Field(False, description="Cut running answers of a revoked agent.")
    on_forbidden: Literal["block", "strip"] = Field(
        "block", description="A forbidden tool call makes the answer an error, or is taken out of it."
    )
    tiers: tuple[Tier, ...] = Field((), description="Rules for all agents of a tier.")
    agents: tuple[GovernedAgent, ...] = Field((), description="The agents that rules are for.")

"""Who may do what, and how much: `prompt_guards`, `clients`, `ratelimits`, `state_storage`, `cache`, `cooldown`."""

import hashlib
from typing import Annotated, Final, Literal

from pydantic import Field, SecretStr

from plano_extproc.config.values import SINCE_V0_5, HeaderName, Number, Part, PositiveDuration, Text, Whole

AboveZero = Annotated[Whole, Field(ge=1)]
OnError = Literal["closed", "open"]
DIGEST_PREFIX: Final = "sha256:"
Sensitivity = Literal["medium", "high"]
PiiEntity = Literal["email", "phone", "credit_card", "ssn", "iban", "ip", "api_key"]


class OnException(Part):
    """What the caller is told."""

    message: str = Field(description="The message of the refusal.")
    status: Annotated[Whole, Field(ge=400, le=599)] = Field(
        400, description="Its status.", json_schema_extra=SINCE_V0_5
    )


class Guard(Part):
    """What all guards have."""

    on_exception: OnException | None = Field(None, description="What the caller is told.")
    on_error: OnError | None = Field(
        None, description="What a guard that fails means. Default: that of all.", json_schema_extra=SINCE_V0_5
    )


class Jailbreak(Guard):
    """Refuses prompts that try to break a model's rules."""

    sensitivity: Sensitivity = Field(
        "medium",
        description="`high` finds more attacks, most of all in documents and results, and refuses more that is none.",
        json_schema_extra=SINCE_V0_5,
    )


class Pii(Guard):
    """Finds personal data."""

    entities: tuple[PiiEntity, ...] = Field((), description="What to look for; none means all.")
    action: Literal["block", "redact", "restore"] = Field(
        "redact", description="Refuse, replace, or replace and put back into the answer."
    )


class Topics(Guard):
    """Refuses subjects, described in words."""

    deny: tuple[Text, ...] = Field(min_length=1, description="The subjects.")


class Moderation(Guard):
    """Asks a moderation model."""

    model: Text = Field(description="Which one.")
    threshold: Annotated[Number, Field(ge=0, le=1)] = Field(0.5, description="Score from which on it refuses.")


class Guards(Part):
    """The guards of one direction."""

    jailbreak: Jailbreak | None = Field(None, description="Prompts that try to break a model's rules.")
    pii: Pii | None = Field(None, description="Personal data.", json_schema_extra=SINCE_V0_5)
    topics: Topics | None = Field(None, description="Subjects.", json_schema_extra=SINCE_V0_5)
    moderation: Moderation | None = Field(None, description="A moderation model.", json_schema_extra=SINCE_V0_5)
    on_error: OnError = Field(
        "closed", description="What a guard that fails means: refuse, or let pass.", json_schema_extra=SINCE_V0_5
    )


class PromptGuards(Part):
    """Guards on what goes in and what comes out."""

    input_guards: Guards | None = Field(None, description="On requests.")
    output_guards: Guards | None = Field(None, description="On answers.", json_schema_extra=SINCE_V0_5)


class Budget(Part):
    """Money."""

    usd: Annotated[Number, Field(gt=0)] = Field(description="Dollars.")
    per: Literal["minute", "hour", "day", "week", "month"] = Field(description="For how long.")


class ClientRateLimit(Part):
    """Tokens or requests."""

    tokens: AboveZero | None = Field(None, description="Most tokens.")
    requests: AboveZero | None = Field(None, description="Most requests.")
    per: Literal["second", "minute", "hour", "day"] = Field(description="For how long.")


class Client(Part):
    """Someone who may call, known by a key."""

    id: Text = Field(description="Its id, in logs and limits.")
    key: SecretStr = Field(description="Its key, usually a variable; or sha256: and the digest of one, in hex.")
    models: tuple[Text, ...] = Field((), description="Models it may use; * at the end matches any. None means all.")
    budget: Budget | None = Field(None, description="Money that it may spend.")
    ratelimit: ClientRateLimit | None = Field(None, description="How much it may ask.")
    tenant: Text | None = Field(None, description="The tenant that it belongs to.")

    @property
    def digest(self) -> bytes:
        """SHA-256 of the key. Raises ValueError where it is given as a digest that is none."""
        key = self.key.get_secret_value()
        if not key.startswith(DIGEST_PREFIX):
            return hashlib.sha256(key.encode()).digest()
        digest = bytes.fromhex(key.removeprefix(DIGEST_PREFIX))
        if len(digest) != hashlib.sha256().digest_size:
            raise ValueError("a SHA-256 digest has 64 hex digits")
        return digest


class RateLimitSelector(Part):
    """Whom a limit is for."""

    key: HeaderName = Field(description="A request header.")
    value: Text | None = Field(None, description='Its value; "*" or none means every value, each with its own limit.')


class RateLimitAmount(Part):
    """How much."""

    tokens: AboveZero | None = Field(None, description="Most tokens.")
    requests: AboveZero | None = Field(None, description="Most requests.", json_schema_extra=SINCE_V0_5)
    unit: Literal["second", "minute", "hour", "day"] = Field(description="For how long.")


class RateLimit(Part):
    """A limit on a model."""

    model: Text = Field(description="The model: provider/model, or its bare id.")
    selector: RateLimitSelector = Field(description="Whom it is for.")
    limit: RateLimitAmount = Field(description="How much.")


class StateStorage(Part):
    """Where conversations of the Responses API are kept."""

    type: Literal["memory", "sqlite", "postgres", "redis"] = Field(description="The kind of store.")
    connection_string: SecretStr | None = Field(None, description="URL of the server, for postgres and redis.")
    path: Text | None = Field(None, description="File of the sqlite store.", json_schema_extra=SINCE_V0_5)
    ttl: PositiveDuration | None = Field(
        None, description="How long a conversation is kept.", json_schema_extra=SINCE_V0_5
    )
    max_bytes: AboveZero | None = Field(None, description="Most bytes kept.", json_schema_extra=SINCE_V0_5)


class Cache(Part):
    """Answers kept for the same request."""

    type: Literal["exact", "semantic"] = Field(description="The same request, or one with the same meaning.")
    ttl: PositiveDuration = Field(600.0, description="How long an answer is kept.")
    threshold: Annotated[Number, Field(gt=0, le=1)] = Field(
        0.9, description="semantic: how alike two texts must be, 1 being the same.", json_schema_extra=SINCE_V0_5
    )


class Cooldown(Part):
    """When a failing provider goes to the end of every order."""

    after: AboveZero = Field(3, description="Failures in a row.")
    for_: PositiveDuration = Field(30.0, alias="for", description="How long; a provider's retry-after wins.")

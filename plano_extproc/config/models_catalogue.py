"""The models that providers offer: how much they hold, what they can and what they cost. Data: config/models.yaml.

Nothing is read before the first question, so that no command and no worker waits for it that does not ask.
"""

import datetime
from collections.abc import Iterator, Mapping
from functools import cache
from types import MappingProxyType
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

from plano_extproc import resources

Capability = Literal["tools", "vision", "thinking", "json_schema", "audio"]
Kind = Literal["chat", "embeddings", "rerank"]
Tokens = Annotated[int, Field(gt=0)]
Dollars = Annotated[float, Field(ge=0)]


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Rates(_Entry):
    """Prices in US dollars for a million tokens. None: not known, or not charged apart."""

    input: Dollars = Field(description="Prompt tokens that no cache held.")
    output: Dollars | None = Field(None, description="Tokens of the answer, thinking included.")
    cache_read: Dollars | None = Field(None, description="Prompt tokens read from the provider's cache.")
    cache_write: Dollars | None = Field(None, description="Prompt tokens written to it, at its shortest lifetime.")


class Tier(Rates):
    """The prices of a request whose whole prompt is longer than `above` tokens."""

    above: Tokens = Field(description="Prompt tokens beyond which these prices hold.")


class Price(Rates):
    """What a model costs, by the length of the prompt."""

    tiers: tuple[Tier, ...] = Field((), description="Prices of long prompts, shortest first.")

    def rates(self, prompt_tokens: int) -> Rates:
        """Return the prices of a request with so long a prompt, cached tokens counted in."""
        fitting = [tier for tier in self.tiers if prompt_tokens > tier.above]
        return fitting[-1] if fitting else self


class Model(_Entry):
    """One model of one provider. What is None is not known."""

    id: str = Field(min_length=1, description="The provider's own id, as it stands after the slash of a model.")
    aliases: tuple[str, ...] = Field((), description="Other ids that the provider takes for the same model.")
    kind: Kind = Field("chat", description="What it is for.")
    context: Tokens | None = Field(None, description="Tokens that it can hold.")
    output: Tokens | None = Field(None, description="Tokens that an answer may have.")
    can: tuple[Capability, ...] | None = Field(None, description="What it can.")
    price: Price | None = Field(None, description="What it costs.")

    @property
    def ids(self) -> tuple[str, ...]:
        """Every id that means this model."""
        return (self.id, *self.aliases)


class Offer(_Entry):
    """What one provider offers."""

    source: str = Field(pattern=r"^https://", description="The provider's own page of models and prices.")
    date: datetime.date = Field(description="When this was read.")
    like: str | None = Field(None, description="A provider whose models it offers too, under the same ids.")
    models: tuple[Model, ...] = Field((), description="Its models, those that people choose today first.")


@cache
def offers() -> Mapping[str, Offer]:
    """Return the whole catalogue, by provider id."""
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    with resources.path("config/models.yaml").open(encoding="utf-8") as file:
        tables = yaml.load(file, Loader=loader)  # noqa: S506 - both are safe loaders, one of them in C
    return MappingProxyType({key: Offer.model_validate(entry) for key, entry in tables["providers"].items()})


@cache
def models_of(provider_id: str) -> tuple[Model, ...]:
    """Return the models of a provider, by its canonical id; empty where the catalogue has none."""
    return tuple(_models(provider_id))


def model_of(provider_id: str, model_id: str) -> Model | None:
    """Return what is known of one model, by its id or an alias of it."""
    return next((model for model in models_of(provider_id) if model_id in model.ids), None)


def _models(provider_id: str) -> Iterator[Model]:
    offer = offers().get(provider_id)
    if offer is None:
        return
    yield from offer.models
    if offer.like:
        own = {name for model in offer.models for name in model.ids}
        yield from (model for model in models_of(offer.like) if own.isdisjoint(model.ids))

"""What is measured: one row of the table each. To add a case, add it here."""

from dataclasses import dataclass
from typing import Literal

from bench.payloads import DialectName, Pace

ProxyName = Literal["plain", "null", "null-3", "gateway"]

OPENAI_MODEL = "openai/bench"
ANTHROPIC_MODEL = "anthropic/bench"
ANTHROPIC_OWN = "bench-claude"
"""A model under the name that its provider knows it by, so that Anthropic's clients are told nothing else."""
OPENAI_CHAIN = "openai/chain"
ANTHROPIC_CHAIN = "anthropic/chain"
"""The same, each with the other provider behind it in case it fails, which it does not."""


@dataclass(frozen=True, slots=True)
class Case:
    """One kind of exchange: what the client says, through which proxy, to which model."""

    name: str
    about: str
    proxy: ProxyName
    dialect: DialectName = "openai"
    model: str = OPENAI_MODEL
    stream: Pace | None = None


# Both lengths last equally long, so that both are measured at the same rate of exchanges, and what differs
# between them is the price of the events.
SHORT = Pace(events=10, pace_ms=20)
LONG = Pace(events=110, pace_ms=2)

CASES = (
    Case("plain", "Envoy alone", "plain"),
    Case("null", "null sidecar, one message", "null"),
    Case("null-3", "null sidecar, three messages", "null-3"),
    Case("bypass", "OpenAI client, OpenAI provider", "gateway"),
    Case("bypass-anthropic", "Anthropic client, Anthropic provider", "gateway", "anthropic", ANTHROPIC_OWN),
    Case("renamed", "the same, by another name of the model", "gateway", "anthropic", ANTHROPIC_MODEL),
    Case("direct-to-openai", "Anthropic client, OpenAI provider", "gateway", "anthropic", OPENAI_MODEL),
    Case("direct-to-anthropic", "OpenAI client, Anthropic provider", "gateway", "openai", ANTHROPIC_MODEL),
    Case("chain", "as bypass, with another candidate", "gateway", "openai", OPENAI_CHAIN),
    Case("chain-to-anthropic", "as direct, with another candidate", "gateway", "openai", ANTHROPIC_CHAIN),
    Case("plain-stream", "Envoy alone, stream", "plain", stream=LONG),
    Case("null-3-stream", "null sidecar, three messages, stream", "null-3", stream=LONG),
    Case("bypass-stream", "OpenAI client, OpenAI provider, stream", "gateway", stream=LONG),
    Case("bypass-stream-short", "the same, fewer events", "gateway", stream=SHORT),
    Case("renamed-stream", "renamed, stream", "gateway", "anthropic", ANTHROPIC_MODEL, LONG),
    Case("renamed-stream-short", "the same, fewer events", "gateway", "anthropic", ANTHROPIC_MODEL, SHORT),
    Case(
        "direct-stream",
        "Anthropic client, OpenAI provider, stream",
        "gateway",
        "anthropic",
        OPENAI_MODEL,
        LONG,
    ),
    Case("direct-stream-short", "the same, fewer events", "gateway", "anthropic", OPENAI_MODEL, SHORT),
)

MEMORY = "memory"
"""The name, for `--only`, of the measurement of idle memory."""

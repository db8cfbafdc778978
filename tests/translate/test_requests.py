"""Whole requests, by golden files: the table shows what is translated, and for which profiles."""

from dataclasses import dataclass, field

import orjson
import pytest

from plano_extproc.apis import Api
from plano_extproc.translate import Profile, Translation, profile_for
from tests.translate.gemini import NEW
from tests.translate.golden import ASKS, PROVIDERS, ROOT, Check, beside, check, inputs, pretty

__all__ = ["check"]


@dataclass(frozen=True)
class Case:
    client: Api
    name: str
    variant: str = ""
    profile: Profile = field(default_factory=Profile)
    provider: Api | None = None
    """The only one; else all of other dialects."""

    def __str__(self) -> str:
        return " ".join(filter(None, (self.client, self.name, self.variant)))


def bedrock(client: Api, name: str, variant: str, model: str) -> Case:
    return Case(client, name, variant, profile_for("bedrock.converse", model), "bedrock.converse")


CLAUDE_3, CLAUDE, CLAUDE_5 = "anthropic.claude-3-haiku", "us.anthropic.claude-sonnet-4-5", "anthropic.claude-opus-5"

CASES = (
    Case("openai.chat", "conversation"),
    Case("openai.chat", "tools"),
    Case("openai.chat", "structured"),
    Case("openai.chat", "structured", "by_tool", Profile(json_schema=False)),
    Case("openai.chat", "thinking"),
    Case("openai.chat", "thinking", "adaptive", Profile(adaptive_thinking=True)),
    Case("openai.chat", "lost_thinking"),
    Case("openai.chat", "lost_thinking", "adaptive", Profile(adaptive_thinking=True)),
    Case("anthropic.messages", "conversation"),
    Case("anthropic.messages", "conversation", "cached", Profile(cache_control=True, replay_reasoning=True)),
    Case("anthropic.messages", "tools"),
    Case("anthropic.messages", "tools", "old", Profile(max_tokens_field="max_tokens", refused=frozenset({"user"}))),
    Case("anthropic.messages", "thinking"),
    Case("anthropic.messages", "thinking", "few_efforts", Profile(efforts=("low", "high"), replay_reasoning=True)),
    Case("anthropic.messages", "thinking", "none", Profile(efforts=())),
    Case("anthropic.messages", "newest_client"),
    Case("openai.chat", "conversation", "signed", NEW, "gemini.generate"),
    Case("openai.chat", "signed_calls", "signed", NEW, "gemini.generate"),
    Case("openai.chat", "structured", "signed", NEW, "gemini.generate"),
    Case("openai.chat", "thinking", "signed", NEW, "gemini.generate"),
    Case("anthropic.messages", "conversation", "signed", NEW, "gemini.generate"),
    Case("anthropic.messages", "thinking", "signed", NEW, "gemini.generate"),
    Case("anthropic.messages", "signed_calls", "signed", NEW, "gemini.generate"),
    Case("openai.chat", "signed_calls"),
    Case("anthropic.messages", "signed_calls"),
    Case("gemini.generate", "conversation"),
    Case("gemini.generate", "tools"),
    Case("gemini.generate", "thinking"),
    Case("gemini.generate", "structured"),
    Case("gemini.generate", "snake_case"),
    Case("openai.responses", "conversation"),
    Case("openai.responses", "tools"),
    Case("openai.responses", "codex"),
    Case("openai.responses", "codex", "replayed", Profile(replay_reasoning=True)),
    Case("openai.responses", "structured"),
    Case("openai.responses", "structured", "by_tool", Profile(json_schema=False)),
    bedrock("openai.chat", "inline", "claude", CLAUDE),
    bedrock("openai.chat", "inline", "unknown", "arn:aws:bedrock:us-east-1:1:application-inference-profile/abc"),
    bedrock("openai.chat", "tools", "claude", CLAUDE),
    bedrock("openai.chat", "tools", "llama", "us.meta.llama3-3-70b-instruct-v1:0"),
    bedrock("openai.chat", "structured", "claude", CLAUDE),
    bedrock("openai.chat", "structured", "nova", "amazon.nova-lite-v1:0"),
    bedrock("openai.chat", "thinking", "claude", CLAUDE),
    bedrock("openai.chat", "thinking", "claude_5", CLAUDE_5),
    bedrock("openai.chat", "thinking", "nova", "global.amazon.nova-2-lite-v1:0"),
    bedrock("openai.chat", "thinking", "gpt", "openai.gpt-5.6"),
    bedrock("anthropic.messages", "inline", "claude", CLAUDE),
    bedrock("anthropic.messages", "tools", "claude_3", CLAUDE_3),
    bedrock("anthropic.messages", "thinking", "claude", CLAUDE),
    bedrock("anthropic.messages", "thinking", "claude_5", CLAUDE_5),
    bedrock("anthropic.messages", "newest_client", "claude_5", CLAUDE_5),
)


@pytest.mark.parametrize(
    ("case", "provider"),
    [
        pytest.param(case, provider, id=f"{case} {provider}")
        for case in CASES
        for provider in PROVIDERS
        if provider in ((case.provider,) if case.provider else ASKS.keys() - {case.client})
    ],
)
def test_request(case: Case, provider: Api, check: Check) -> None:
    path = ROOT / "requests" / case.client / f"{case.name}.json"
    out = Translation(case.client, provider, case.profile).request(orjson.loads(path.read_bytes()), "the-model")

    golden = beside(path, *filter(None, (provider, case.variant, "json")))
    check(golden, pretty({"dropped": out.dropped, "body": orjson.loads(out.body)}))


def test_every_request_file_has_a_case() -> None:
    stored = {(api, path.stem) for api in ASKS for path in inputs("requests", api)}

    assert {(case.client, case.name) for case in CASES} == stored

"""Every question through both official clients to both dialects, streaming and not.

What the provider received is read back and held against what was asked; what the client heard, against what the
provider said.
"""

from dataclasses import replace

import pytest

from tests.end_to_end.asking import ask
from tests.end_to_end.conftest import Providers
from tests.end_to_end.talk import Assistant, Heard, Question, Results, Tool, User
from tests.end_to_end.understanding import understood
from tests.support.reply import Reply, ToolCall, Usage
from tests.support.scripted import Api, ScriptedProvider

PIXEL = (
    "data:image/png;base64,"
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
WEATHER = Tool(
    "get_weather",
    "Get the weather of a city",
    {
        "type": "object",
        "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 1}},
        "required": ["city"],
    },
)
CLOCK = Tool("get_time", "Get the time", {"type": "object", "properties": {}})
PARIS = ToolCall("get_weather", {"city": "Paris", "days": 2}, "call_1")
ROME = ToolCall("get_weather", {"city": "Rome"}, "call_2")
NOW = ToolCall("get_time", {}, "call_3")
TWO_ROUNDS = (
    User("Weather in Paris and Rome, and the time?"),
    Assistant("Let me look.", (PARIS, ROME)),
    Results((("call_1", "18 degrees"), ("call_2", ""))),
    Assistant("", (NOW,)),
    Results((("call_3", '{"time": "12:00"}'),)),
    Assistant("It is mild."),
    User("Thank you."),
)

QUESTIONS: dict[str, Question] = {
    "text": Question(),
    "unicode": Question((User('Grüße, 世界 👋\u2028\tend "quoted" \\ </script> \x7f'),)),
    "system": Question(system="Be brief."),
    "several turns": Question((User("One"), Assistant("Two"), User("Three")), system="Count."),
    "image": Question((User("What is this?", (PIXEL,)),)),
    "image by address": Question((User("And this?", ("https://example.com/cat.png", PIXEL)),)),
    "tools": Question(tools=(WEATHER, CLOCK)),
    "tool by name": Question(tools=(WEATHER, CLOCK), tool_choice="=get_time"),
    "tool required": Question(tools=(WEATHER,), tool_choice="required"),
    "tool automatic": Question(tools=(WEATHER,), tool_choice="auto"),
    "tool results": Question(TWO_ROUNDS, tools=(WEATHER, CLOCK)),
    "no parallel tools": Question(tools=(WEATHER,), tool_choice="auto", is_parallel=False),
    "limits": Question(max_tokens=7, stop=("END", "###"), temperature=0.25),
    "top_p": Question(top_p=0.5),
}

REPLIES: dict[str, Reply] = {
    "text": Reply(),
    "unicode": Reply('Grüße, 世界 👋 "quoted" \\n </script>\n\n\tend'),
    "long": Reply("All work and no play. " * 400),
    "one call": Reply("", calls=(PARIS,), finish="tool"),
    "call without arguments": Reply("", calls=(NOW,), finish="tool"),
    "text and parallel calls": Reply("I will look.", calls=(PARIS, ROME, NOW), finish="tool"),
    "length": Reply("It goes on and", finish="length"),
    "stop sequence": Reply("As far as ", finish="stop_sequence", stop_sequence="END"),
    "refused": Reply("I would rather", finish="refusal"),
    "thinking": Reply("42", thinking="Six times seven, then."),
    "thinking before a call": Reply("", thinking="I need the weather.", calls=(PARIS,), finish="tool"),
    "usage": Reply(usage=Usage(input=100, output=31, cached=2000, written=0)),
    "usage with written cache": Reply(usage=Usage(input=100, output=31, cached=2000, written=300)),
}

MODELS: dict[Api, str] = {"openai.chat": "openai/gpt-4o", "anthropic.messages": "anthropic/claude-sonnet-4-5"}

clients = pytest.mark.parametrize("client", ["openai.chat", "anthropic.messages"])
providers_of = pytest.mark.parametrize("api", ["openai.chat", "anthropic.messages"])
ways = pytest.mark.parametrize("is_stream", [False, True], ids=["plain", "stream"])


def scripted(providers: Providers, api: Api) -> ScriptedProvider:
    return providers.chat if api == "openai.chat" else providers.messages


@ways
@providers_of
@clients
@pytest.mark.parametrize("name", QUESTIONS)
def test_provider_understands_what_was_asked(
    url: str, providers: Providers, name: str, client: Api, api: Api, is_stream: bool
) -> None:
    question = QUESTIONS[name]
    provider = scripted(providers, api)
    heard = ask(client, url, MODELS[api], question, is_stream=is_stream)
    body = provider.last.json()

    assert understood(api, body) == question
    assert body["model"] == MODELS[api].partition("/")[2]
    assert bool(body.get("stream")) == is_stream
    assert heard.text == "Hello from the provider."


@ways
@providers_of
@clients
@pytest.mark.parametrize("name", REPLIES)
def test_client_hears_what_the_provider_said(
    url: str, providers: Providers, name: str, client: Api, api: Api, is_stream: bool
) -> None:
    reply = REPLIES[name]
    scripted(providers, api).reply(reply)
    question = Question(tools=(WEATHER, CLOCK)) if reply.calls else Question()
    heard = ask(client, url, MODELS[api], question, is_stream=is_stream)

    assert heard == _as_heard(reply, client, api)


def _as_heard(reply: Reply, client: Api, api: Api) -> Heard:
    """What a dialect cannot say is left out, and an answer to Anthropic's clients names what they asked for.

    OpenAI's stop names no sequence, and its usage no written cache.
    """
    finish = reply.finish
    is_named = api == client == "anthropic.messages"
    if finish == "stop_sequence" and not is_named:
        finish = "stop"
    thinking = reply.thinking
    usage = replace(reply.usage, reasoning=0)
    if "openai.chat" in (client, api):
        usage = replace(usage, input=usage.input + usage.written, written=0)
    return Heard(
        text=reply.text,
        finish=finish,
        # Claude Code drops the thinking of an answer that names another model than it asked for.
        model=MODELS[api] if client == "anthropic.messages" else MODELS[api].partition("/")[2],
        calls=reply.calls,
        thinking=thinking,
        stop_sequence=reply.stop_sequence if is_named else None,
        usage=usage,
    )

# mypy: disable-error-code="import-not-found"
"""Asks with LiteLLM as a client.

It leaves streams of Anthropic's dialect unread at their end, for the garbage collector to close. httpcore closes a
stream under the lock of its pool, which a thread cannot take twice: a collection that begins while the pool is at work
waits for itself for ever. So garbage is collected between commands only, when no pool is at work.
"""

import gc
import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import litellm
from lines import QUESTION, SYSTEM, Json, serve, weather

TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Get the weather of a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def chat(command: Json) -> Json:
    return asked("openai", f"{command['url']}/v1", command)


def messages(command: Json) -> Json:
    return asked("anthropic", command["url"], command)


def asked(dialect: str, base: str, command: Json) -> Json:
    gc.collect()
    talk: list[Any] = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": QUESTION}]
    ran = []
    while True:
        answer = litellm.completion(
            model=f"{dialect}/{command['model']}",
            api_base=base,
            api_key=command["key"],
            messages=talk,
            tools=[TOOL] if command["wants"] == "tools" else None,
            stream=command["stream"],
            stream_options={"include_usage": True} if command["stream"] else None,
            max_retries=0,
            timeout=60,
        )
        if command["stream"]:
            answer = litellm.stream_chunk_builder(list(answer), messages=talk)
        choice = answer.choices[0]
        # LiteLLM adds a field of its own to its messages, which OpenAI refuses when it comes back.
        talk.append(choice.message.model_dump(include={"role", "content", "tool_calls"}))
        if not choice.message.tool_calls:
            break
        for call in choice.message.tool_calls:
            given = json.loads(call.function.arguments)
            ran.append([call.function.name, given])
            talk.append({"role": "tool", "tool_call_id": call.id, "content": weather(**given)})
    spent = answer.usage
    return {
        "text": choice.message.content,
        "finish": choice.finish_reason,
        "usage": [spent.prompt_tokens, spent.completion_tokens],
        "ran": ran,
    }


if __name__ == "__main__":
    gc.disable()
    serve({"litellm-openai": chat, "litellm-anthropic": messages})

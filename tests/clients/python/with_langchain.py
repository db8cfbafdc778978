# mypy: disable-error-code="import-not-found, untyped-decorator, no-any-return"
"""Asks with LangChain."""

import sys
from functools import reduce
from operator import add
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from langchain_anthropic import ChatAnthropic
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from lines import QUESTION, SYSTEM, Json, serve, weather


@tool
def get_weather(city: str) -> str:
    """Get the weather of a city."""
    return weather(city)


def chat(command: Json) -> Json:
    # To any host but OpenAI's own, LangChain asks for the usage of a stream only when told to.
    return asked(ChatOpenAI(**_where(command, "/v1"), stream_usage=True), command)


def responses(command: Json) -> Json:
    return asked(ChatOpenAI(**_where(command, "/v1"), use_responses_api=True), command)


def messages(command: Json) -> Json:
    return asked(ChatAnthropic(**_where(command)), command)


def _where(command: Json, root: str = "") -> Json:
    base = command["url"] + root
    return {"model": command["model"], "base_url": base, "api_key": command["key"], "max_retries": 0, "timeout": 60}


def asked(model: Any, command: Json) -> Json:
    if command["wants"] == "tools":
        model = model.bind_tools([get_weather])
    talk: list[Any] = [SystemMessage(SYSTEM), HumanMessage(QUESTION)]
    ran = []
    while True:
        answer: AIMessage = reduce(add, list(model.stream(talk))) if command["stream"] else model.invoke(talk)
        talk.append(answer)
        if not answer.tool_calls:
            break
        for call in answer.tool_calls:
            ran.append([call["name"], call["args"]])
            talk.append(get_weather.invoke(call))
    spent = answer.usage_metadata
    about = answer.response_metadata
    return {
        "text": answer.text,
        "finish": about.get("finish_reason") or about.get("stop_reason") or about.get("status"),
        "usage": spent and [spent["input_tokens"], spent["output_tokens"]],
        "ran": ran,
    }


if __name__ == "__main__":
    serve({"langchain-openai": chat, "langchain-openai-responses": responses, "langchain-anthropic": messages})

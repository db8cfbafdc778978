# mypy: disable-error-code="import-not-found"
"""Asks with Anthropic's client of Vertex AI."""

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import anthropic
from lines import QUESTION, SYSTEM, Json, serve, weather

TOOL = {
    "name": "get_weather",
    "description": "Get the weather of a city.",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


def vertex(command: Json) -> Json:
    client = anthropic.AnthropicVertex(
        project_id="a-project",
        region="us-east5",
        access_token=command["key"],
        base_url=f"{command['url']}/v1",
        max_retries=0,
        timeout=60,
    )
    talk: list[Any] = [{"role": "user", "content": QUESTION}]
    ran = []
    while True:
        asked = {"model": command["model"], "max_tokens": 1000, "system": SYSTEM, "messages": talk}
        asked |= {"tools": [TOOL]} if command["wants"] == "tools" else {}
        if command["stream"]:
            with client.messages.stream(**asked) as stream:
                answer = stream.get_final_message()
        else:
            answer = client.messages.create(**asked)
        calls = [block for block in answer.content if block.type == "tool_use"]
        if not calls:
            break
        talk.append({"role": "assistant", "content": [block.model_dump(exclude_none=True) for block in answer.content]})
        results = []
        for call in calls:
            ran.append([call.name, call.input])
            results.append({"type": "tool_result", "tool_use_id": call.id, "content": weather(**call.input)})
        talk.append({"role": "user", "content": results})
    return {
        "text": "".join(block.text for block in answer.content if block.type == "text"),
        "finish": answer.stop_reason,
        "usage": [answer.usage.input_tokens, answer.usage.output_tokens],
        "ran": ran,
    }


if __name__ == "__main__":
    serve({"anthropic-vertex": vertex})

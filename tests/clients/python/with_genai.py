# mypy: disable-error-code="import-not-found, import-untyped"
"""Asks with Google's own client, as one of AI Studio's and as one of Vertex AI's."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from google import genai
from google.auth.credentials import AnonymousCredentials
from google.genai import errors, types
from lines import QUESTION, SYSTEM, Json, serve, weather

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOL = types.Tool(
    function_declarations=[
        types.FunctionDeclaration(
            name="get_weather", description="Get the weather of a city.", parameters_json_schema=SCHEMA
        )
    ]
)


def studio(command: Json) -> genai.Client:
    return genai.Client(api_key=command["key"], vertexai=False, http_options=options(command))


def vertex(command: Json) -> genai.Client:
    held = AnonymousCredentials()
    held.token = command["key"]
    return genai.Client(
        vertexai=True, project="a-project", location="us-east5", credentials=held, http_options=options(command)
    )


def express(command: Json) -> genai.Client:
    return genai.Client(api_key=command["key"], vertexai=True, http_options=options(command))


def options(command: Json) -> types.HttpOptions:
    return types.HttpOptions(base_url=command["url"], timeout=60_000)


def asking(make: Callable[[Json], genai.Client]) -> Callable[[Json], Json]:
    def asked(command: Json) -> Json:
        try:
            # Its connections close with it, so it is held while its models are asked.
            client = make(command)
            return _asked(client, command)
        except errors.APIError as error:
            error.status_code = error.code
            raise

    return asked


def _asked(client: genai.Client, command: Json) -> Json:
    if command["wants"] in LOOKUPS:
        return {"text": LOOKUPS[command["wants"]](client.models, command["model"]), "finish": None, "ran": []}
    tools = [TOOL] if command["wants"] == "tools" else None
    config = types.GenerateContentConfig(system_instruction=SYSTEM, tools=tools)
    models = client.models
    ask = models.generate_content_stream if command["stream"] else models.generate_content
    talk: list[Any] = [types.Content(role="user", parts=[types.Part(text=QUESTION)])]
    ran = []
    while True:
        answer = ask(model=command["model"], contents=talk, config=config)
        told = list(answer) if command["stream"] else [answer]
        parts = [part for one in told for part in one.candidates[0].content.parts]
        calls = [part.function_call for part in parts if part.function_call]
        if not calls:
            break
        talk.append(types.Content(role="model", parts=parts))
        results = []
        for call in calls:
            ran.append([call.name, call.args])
            response = {"output": weather(**call.args)}
            result = types.FunctionResponse(id=call.id, name=call.name, response=response)
            results.append(types.Part(function_response=result))
        talk.append(types.Content(role="user", parts=results))
    last = told[-1]
    spent = last.usage_metadata
    return {
        "text": "".join(part.text or "" for part in parts),
        "finish": last.candidates[0].finish_reason.name,
        "usage": [spent.prompt_token_count, spent.candidates_token_count],
        "ran": ran,
    }


def listed(models: Any, name: str) -> str:
    names = [model.name for model in models.list()]
    assert models.get(model=name).name in names
    return "\n".join(names)


def counted(models: Any, name: str) -> str:
    return str(models.count_tokens(model=name, contents=QUESTION).total_tokens)


LOOKUPS: dict[str, Callable[[Any, str], str]] = {"models": listed, "count": counted}

if __name__ == "__main__":
    clients = {"google-genai": studio, "google-genai-vertex": vertex, "google-genai-express": express}
    serve({name: asking(make) for name, make in clients.items()})

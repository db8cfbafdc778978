"""Answers of the caller's own dialect in which nothing changes but the model's name."""

from pathlib import Path

import orjson
import pytest

from plano_extproc.apis import Api
from plano_extproc.translate.renamed import Renamed
from tests.translate.golden import ASKS, inputs

NAME = 'anthropic/the "best" one'
STREAMS = [(api, path) for api in ASKS for path in inputs("streams", api) if path.suffix == ".sse"]
WHOLES = [(api, path) for api in ASKS for path in inputs("responses", api)]
KEYS: dict[Api, str] = dict.fromkeys(ASKS, "model") | {"gemini.generate": "modelVersion"}


def names_in(api: Api, data: bytes) -> set[str]:
    found = set()
    for line in data.replace(b"\r", b"\n").split(b"\n"):
        if not line.startswith(b"data:") or not line[5:].strip().startswith(b"{"):
            continue
        try:
            told = orjson.loads(line[5:])
        except orjson.JSONDecodeError:
            continue
        holder = told.get("message") or told.get("response") or told
        if isinstance(holder, dict) and isinstance(holder.get(KEYS[api]), str):
            found.add(holder[KEYS[api]])
    return found


@pytest.mark.parametrize(("api", "path"), STREAMS, ids=lambda one: one.name if isinstance(one, Path) else one)
def test_a_stream_changes_in_the_name_only(api: Api, path: Path) -> None:
    data = path.read_bytes()
    made = Renamed(api, NAME).stream().feed(data, end=True)

    assert names_in(api, made) == ({NAME} if names_in(api, data) else set())
    if len(names := names_in(api, data)) == 1:
        assert made.replace(orjson.dumps(NAME), orjson.dumps(names.pop())) == data


@pytest.mark.parametrize(("api", "path"), STREAMS, ids=lambda one: one.name if isinstance(one, Path) else one)
def test_a_stream_is_the_same_however_it_is_cut(api: Api, path: Path) -> None:
    data = path.read_bytes()
    whole = Renamed(api, NAME).stream().feed(data, end=True)
    for cut in range(1, len(data), 1 + len(data) // 300):
        stream = Renamed(api, NAME).stream()

        assert stream.feed(data[:cut], end=False) + stream.feed(data[cut:], end=True) == whole


@pytest.mark.parametrize(("api", "path"), WHOLES, ids=lambda one: one.name if isinstance(one, Path) else one)
def test_a_whole_answer_changes_in_the_name_only(api: Api, path: Path) -> None:
    told = orjson.loads(path.read_bytes())
    made = orjson.loads(Renamed(api, NAME).response(path.read_bytes()))

    assert made == ({**told, KEYS[api]: NAME} if KEYS[api] in told else told)


def test_a_key_of_the_same_name_in_an_answer_stays() -> None:
    call = {"type": "tool_use", "id": "c", "name": "f", "input": {"model": "T"}}
    body = orjson.dumps({"type": "message", "content": [call], "model": "claude"})
    made = orjson.loads(Renamed("anthropic.messages", NAME).response(body))

    assert (made["model"], made["content"]) == (NAME, [call])


def test_what_follows_the_name_in_anthropics_streams_is_not_looked_at() -> None:
    stream = Renamed("anthropic.messages", NAME).stream()
    stream.feed(b'data: {"type":"message_start","message":{"model":"claude"}}\n', end=False)

    assert stream.feed(b'data: {"message":{"model":"cl', end=False) == b'data: {"message":{"model":"cl'


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"model": 7}', b'{"other": "model"}'])
def test_what_names_no_model_stays(body: bytes) -> None:
    assert Renamed("openai.chat", NAME).response(body) == body

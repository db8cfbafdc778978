"""No turn that was acknowledged is lost: full disks, workers that die, stores that go away, and each kind of store."""

import contextlib
import itertools
import os
import signal
from contextlib import ExitStack
from pathlib import Path

import httpx
import openai
import psutil
import pytest

from tests.end_to_end.kept import Place, place, running, running_place, said, streamed
from tests.support import anthropic_api
from tests.support.clients import openai_client
from tests.support.gateway import running_gateway, until
from tests.support.ports import free_port
from tests.support.reply import Reply
from tests.support.scripted import ScriptedProvider
from tests.support.servers import PostgresServer, postgres_server, running_redis

__all__ = ["place", "postgres_server", "running_place"]
pytestmark = pytest.mark.envoy


def test_the_end_of_a_stream_waits_until_the_turn_is_saved_and_the_disk_is_full(place: Place) -> None:
    client = place.client()
    first = client.responses.create(model="chatty", input="one")
    # A worker that still starts creates its files, and would end.
    assert until(lambda: place.gateway.seen_healthy() == 2)
    limits = []
    try:
        for pid in place.gateway.workers():
            process = psutil.Process(pid)
            limits.append((process, process.rlimit(psutil.RLIMIT_FSIZE)))
            process.rlimit(psutil.RLIMIT_FSIZE, (4096, psutil.RLIM_INFINITY))
        with pytest.raises(openai.InternalServerError) as raised:
            client.responses.create(model="chatty", input="two", previous_response_id=first.id)
        assert raised.value.status_code == 503
        assert raised.value.code == "state_store_unavailable"
        place.chat.say("streamed")
        kinds = streamed(place, {"model": "chatty", "input": "x", "previous_response_id": first.id})
        assert "response.output_text.delta" in kinds
        assert "response.completed" not in kinds
        assert kinds[-1] == "error"
        assert client.responses.create(model="chatty", input="free", store=False).output_text
    finally:
        for process, limit in limits:
            process.rlimit(psutil.RLIMIT_FSIZE, limit)
    place.chat.clear()
    client.responses.create(model="chatty", input="again", previous_response_id=first.id)

    assert said(place.chat.last.json())[0] == "one"
    assert said(place.chat.last.json())[-1] == "again"


def test_no_acknowledged_turn_is_lost_when_workers_are_killed(place: Place) -> None:
    client = place.client()
    last, texts = None, []
    for number in itertools.count():
        if number in (5, 10):
            # The one that is to die may be about to be replaced after the last time.
            with contextlib.suppress(ProcessLookupError):
                os.kill(place.gateway.workers()[0], signal.SIGKILL)
        try:
            place.chat.clear()
            answer = client.responses.create(model="chatty", input=f"q{number}", previous_response_id=last)
        except (openai.APIError, httpx.HTTPError):
            continue
        last = answer.id
        texts.append(f"q{number}")
        assert [text for text in said(place.chat.last.json()) if text.startswith("q")] == texts
        if number >= 16 and len(texts) > 10:
            break
    assert until(lambda: place.gateway.seen_healthy() == 2, seconds=60)


def test_a_store_that_goes_away_is_told_and_comes_back(tmp_path: Path) -> None:
    with running_redis() as server, ExitStack() as stack:
        place = running(f"{{type: redis, connection_string: '{server.url}'}}", tmp_path / "home", stack)
        client = place.client()
        first = client.responses.create(model="chatty", input="one")
        gate = place.messages.gate()
        going_on = {"model": "claude", "input": "x", "stream": True}
        told = list(anthropic_api.stream(Reply(text="hello"), {"model": "claude", "stream": True, "messages": []}))
        place.messages.stream([b"".join(told[:2]), b"".join(told[2:])], gate=gate)
        with httpx.stream(
            "POST", f"{place.gateway.url()}/v1/responses", json=going_on,
            headers={"authorization": "Bearer key-one"}, timeout=60,
        ) as answer:  # fmt: skip
            server.stop()
            gate.set()
            kinds = [line.removeprefix("event: ") for line in answer.iter_lines() if line.startswith("event: ")]
        assert kinds[-1] == "error"
        assert "response.completed" not in kinds
        asked = len(place.chat.requests)
        with pytest.raises(openai.InternalServerError) as raised:
            client.responses.create(model="chatty", input="two", previous_response_id=first.id)
        assert raised.value.status_code == 503
        assert len(place.chat.requests) == asked
        server.start()

        def comes_back() -> bool:
            try:
                client.responses.create(model="chatty", input="fresh")
            except openai.InternalServerError:
                return False
            return True

        assert until(comes_back, seconds=60)


def test_a_worker_that_dies_between_answer_and_save_acknowledges_nothing(tmp_path: Path) -> None:
    with running_redis() as server, ExitStack() as stack:
        place = running(f"{{type: redis, connection_string: '{server.url}'}}", tmp_path / "home", stack)
        workers = place.gateway.workers()
        gate = place.messages.gate()
        told = list(anthropic_api.stream(Reply(text="hello"), {"model": "claude", "stream": True, "messages": []}))
        place.messages.stream([b"".join(told[:-1]), told[-1]], gate=gate)
        going_on = {"model": "claude", "input": "x", "stream": True}
        kinds: list[str] = []
        has_broken = False
        with httpx.stream(
            "POST", f"{place.gateway.url()}/v1/responses", json=going_on,
            headers={"authorization": "Bearer key-one"}, timeout=60,
        ) as answer:  # fmt: skip
            assert server.process is not None
            # The save is sent, and nobody answers.
            server.process.send_signal(signal.SIGSTOP)
            gate.set()
            try:
                for line in answer.iter_lines():
                    if line.startswith("event: "):
                        kinds.append(line.removeprefix("event: "))
                    if "response.output_text.done" in kinds:
                        for pid in workers:
                            with contextlib.suppress(ProcessLookupError):
                                os.kill(pid, signal.SIGKILL)
            except httpx.HTTPError:
                has_broken = True
        server.process.send_signal(signal.SIGCONT)

        assert has_broken
        assert "response.completed" not in kinds


def test_postgres_keeps_conversations(postgres_server: PostgresServer, tmp_path: Path) -> None:
    with ExitStack() as stack:
        state = f"{{type: postgres, connection_string: '{postgres_server.url}', ttl: 1h, max_bytes: 1000000}}"
        place = running(state, tmp_path / "home", stack)
        client = place.client()
        last = None
        for number in range(5):
            last = client.responses.create(model="chatty", input=f"q{number}", previous_response_id=last).id
        assert [text for text in said(place.chat.last.json()) if text.startswith("q")] == [f"q{n}" for n in range(5)]
        with client.responses.stream(model="claude", input="end", previous_response_id=last) as stream:
            ended = stream.get_final_response()
        assert client.responses.retrieve(ended.id).output_text == ended.output_text


def test_memory_is_shared_by_workers_and_gone_after_down(tmp_path: Path) -> None:
    with ExitStack() as stack:
        place = running("{type: memory}", tmp_path / "home", stack)
        client = place.client()
        first = client.responses.create(model="chatty", input="one")
        for _ in range(6):
            client.responses.create(model="chatty", input="two", previous_response_id=first.id)
        place.gateway.cli("down")
        assert not (place.gateway.home / "run" / "state.sqlite").exists()


def test_without_a_store_nothing_is_kept(tmp_path: Path) -> None:
    with ExitStack() as stack:
        chat = stack.enter_context(ScriptedProvider("openai.chat", key="sk"))
        text = (
            f"version: v0.5.0\nlisteners: [{{type: model, name: llm, port: {free_port()}}}]\n"
            f'model_providers: [{{model: groq/chatty, base_url: "{chat.url}", access_key: sk, default: true}}]\n'
        )
        gateway = stack.enter_context(running_gateway(text, environ={}, home=tmp_path / "home"))
        client = stack.enter_context(openai_client(gateway.url()))
        answer = client.responses.create(model="chatty", input="one")
        assert answer.store is False  # type: ignore[attr-defined]
        with pytest.raises(openai.NotFoundError, match="state_storage"):
            client.responses.retrieve(answer.id)
        with pytest.raises(openai.NotFoundError):
            client.conversations.create()

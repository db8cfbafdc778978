"""The console's HTTP, without a gateway."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from planoai.console.app import app
from planoai.console.watch import Watch
from planoai.home import Home

TOKEN = "the-token"


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    watch = Watch(Home(tmp_path), None, lambda provider, model: None, {})
    with TestClient(app(watch, TOKEN, {}), base_url="http://127.0.0.1") as found:
        yield found


@pytest.mark.parametrize("path", ["/", "/api/events", "/api/traces", "/api/traces/1"])
def test_nothing_is_told_without_the_token(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 403
    assert client.get(path, params={"token": "another"}).status_code == 403


@pytest.mark.parametrize("path", ["/api/try", "/api/explain"])
def test_nothing_is_done_without_the_token(client: TestClient, path: str) -> None:
    assert client.post(path, json={"prompt": "Hi", "listener": "llm"}).status_code == 403


def test_a_page_of_another_name_cannot_ask(client: TestClient) -> None:
    assert client.get("/", params={"token": TOKEN}, headers={"host": "evil.example"}).status_code == 400


def test_the_page_may_load_nothing_from_elsewhere(client: TestClient) -> None:
    answer = client.get("/", params={"token": TOKEN})

    assert answer.status_code == 200
    assert answer.headers["content-security-policy"].startswith("default-src 'self'")
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "//" not in answer.text.replace("<!doctype", "")


def test_a_prompt_goes_to_listeners_of_this_gateway_only(client: TestClient) -> None:
    answer = client.post(
        "/api/try", json={"prompt": "Hi", "listener": "http://elsewhere"}, headers={"x-console-token": TOKEN}
    )

    assert answer.status_code == 400
    assert "name a listener that runs" in answer.json()["error"]


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"prompt": 1}'])
def test_what_is_no_question_is_refused_with_words(client: TestClient, body: bytes) -> None:
    answer = client.post("/api/explain", content=body, headers={"x-console-token": TOKEN})

    assert answer.status_code == 400
    assert answer.json() == {"error": "say what the prompt is"}


def test_without_a_collector_a_trace_is_not_found(client: TestClient) -> None:
    assert client.get("/api/traces/1", params={"token": TOKEN}).status_code == 404

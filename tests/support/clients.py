"""The official clients, pointed at a URL, without retries of their own."""

import http.client
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any

import anthropic
import httpx
import openai

from tests.support.gateway import until

CLIENT_KEY = "client-key-that-must-not-leave"
TIMEOUT = 60.0


@contextmanager
def openai_client(url: str, *, key: str = CLIENT_KEY, **options: Any) -> Iterator[openai.OpenAI]:
    """Open an OpenAI client; `url` is the listener's or provider's, without `/v1`."""
    base = f"{url.removesuffix('/v1')}/v1"
    with openai.OpenAI(base_url=base, api_key=key, max_retries=0, timeout=TIMEOUT, **options) as client:
        yield client


@contextmanager
def anthropic_client(url: str, *, key: str = CLIENT_KEY, **options: Any) -> Iterator[anthropic.Anthropic]:
    """Open an Anthropic client of today: a bearer token, and system messages among the messages."""
    with anthropic.Anthropic(base_url=url, api_key=key, max_retries=0, timeout=TIMEOUT, **options) as client:
        yield client


def hang_up(url: str, body: object, reached: Callable[[], object], headers: Mapping[str, str] | None = None) -> None:
    """Send a request, and hang up without having read a byte once it has reached whom it was to reach."""
    request = httpx.Request("POST", url, json=body, headers=headers)
    with closing(http.client.HTTPConnection(request.url.host, request.url.port, timeout=TIMEOUT)) as connection:
        connection.request("POST", request.url.raw_path.decode(), request.content, dict(request.headers))
        assert until(reached), "the request does not arrive"


@contextmanager
def old_anthropic_client(url: str, *, key: str = CLIENT_KEY) -> Iterator[anthropic.Anthropic]:
    """Open an Anthropic client that sends what those before 2026 do: `x-api-key` and the version of 2023."""
    headers: Any = {"authorization": anthropic.Omit(), "x-api-key": key, "anthropic-version": "2023-06-01"}
    with anthropic_client(url, key=key, default_headers=headers) as client:
        yield client

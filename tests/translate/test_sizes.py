"""Long conversations, large results and long streams: nothing is lost, and a stream holds no more than it must.

That the time grows with the size alone is measured by the bench, where a busy machine fails no test.
"""

import tracemalloc

import orjson
import pytest

from bench import conversations, streams
from plano_extproc.apis import Api
from plano_extproc.translate import Translation
from tests.translate.facts import chunk, new_stream
from tests.translate.golden import ASKS, OTHER, PAIRS, PROVIDERS

ROUNDS = 20_000 // conversations.MESSAGES_A_ROUND

SAID: dict[Api, bytes] = dict.fromkeys(ASKS, b"delta") | {"gemini.generate": b"candidates"}
"""What a piece of text has in a client's stream."""

every_pair = pytest.mark.parametrize(("client", "provider"), PAIRS)
each_side = pytest.mark.parametrize(
    ("client", "provider"),
    [(client, OTHER[client]) for client in ASKS] + [(OTHER[provider], provider) for provider in PROVIDERS[1:]],
)


@every_pair
def test_a_conversation_of_20000_messages_is_whole(client: Api, provider: Api) -> None:
    body = conversations.conversation(client, ROUNDS, "a-result")
    made = Translation(client, provider).request(body, "m")

    assert made.body.count(b"a-result") == ROUNDS
    assert made.dropped == ()


@every_pair
def test_a_result_of_10_megabytes_is_whole(client: Api, provider: Api) -> None:
    result = conversations.text(10_000_000)
    made = Translation(client, provider).request(conversations.conversation(client, 1, result), "m").body

    assert made.count(b"Hendaye") == result.count("Hendaye")
    assert len(made) < 1.5 * len(orjson.dumps(result))


@each_side
def test_a_stream_of_100000_chunks_is_whole(client: Api, provider: Api) -> None:
    stream = new_stream(provider, client=client)
    told = sum(stream.feed(piece, end=False).count(SAID[client]) for piece in streams.stream(provider, 100_000))
    stream.feed(b"", end=True)

    assert stream.finished
    assert told >= 100_000


@each_side
def test_a_stream_holds_no_more_than_it_must_repeat(client: Api, provider: Api) -> None:
    chunks = streams.stream(provider, 10_000)
    stream = new_stream(provider, client=client)
    tracemalloc.start()
    try:
        for piece in chunks[:-10]:
            stream.feed(piece, end=False)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    # Only the Responses API tells its text again at the end.
    assert held < (2_000_000 if "openai.responses" in {client, provider} else 100_000)


def test_a_stream_without_an_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("plano_extproc.translate.translation.MAX_STREAM_BYTES", 1_000_000)
    stream = new_stream("openai.chat", client="openai.responses")
    piece = chunk({"content": "x" * 10_000})
    made = b"".join(stream.feed(piece, end=False) for _ in range(200))

    assert stream.failed
    assert made.count(b"response.failed") == 2

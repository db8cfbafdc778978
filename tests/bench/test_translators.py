import gc
import json

import pytest

from bench.conversations import MESSAGES_A_ROUND, conversation, text
from bench.load import BadAnswerError
from bench.measure import Results
from bench.report import Run, markdown
from bench.streams import stream
from bench.targets import Verdict, judge
from bench.translators import Effort, Translator, feed, measure, pairs
from plano_extproc.apis import Api
from plano_extproc.translate import Translation
from plano_extproc.translate.apis import CODECS, PROVIDER_CODECS

TINY = Effort(rounds=1, pieces=3, streams=2, most_pieces=20, messages=16, tool_result_bytes=1000)
FACTS = {"cpu": "a", "cores": "2", "system": "b", "python": "3", "envoy": "1", "grpcio": "1"}
SETTINGS = {"rounds": 1, "connections": 32, "stream_connections": 8}


def test_every_pair_of_dialects_is_measured() -> None:
    found = measure(TINY, pairs(), lambda _text: None)

    assert [(each.client, each.provider) for each in found] == pairs()
    assert len(pairs()) == len(CODECS) * (len(PROVIDER_CODECS) - 1)
    assert all(each.chunk_us > 0 and each.growth > 0 for each in found)
    assert gc.isenabled()


@pytest.mark.parametrize("provider", PROVIDER_CODECS)
def test_every_piece_of_a_stream_reaches_the_client(provider: Api) -> None:
    client: Api = "openai.chat" if provider != "openai.chat" else "anthropic.messages"
    translation = Translation(client, provider, is_stream=True)
    translation.request(conversation(client, 1), "m")
    translated = translation.stream()
    told = b"".join(translated.feed(chunk, False) for chunk in stream(provider, 7)) + translated.feed(b"", True)

    assert translated.finished
    assert told.count(b"a few words more ") == 7
    assert translated.usage


@pytest.mark.parametrize("client", CODECS)
def test_a_conversation_has_the_messages_and_results_that_were_asked_for(client: Api) -> None:
    provider: Api = "openai.chat" if client != "openai.chat" else "anthropic.messages"
    made = Translation(client, provider, is_stream=True).request(conversation(client, 3, text(2000)), "m")
    messages = json.loads(made.body)["messages"]

    assert len(messages) == 3 * MESSAGES_A_ROUND + 1
    assert made.body.count(b"Hendaye") == 3 * text(2000).count("Hendaye")
    assert not made.dropped
    assert made.is_stream


def test_a_stream_that_breaks_off_ends_the_bench() -> None:
    with pytest.raises(BadAnswerError, match=r"a stream from openai\.chat to anthropic\.messages did not"):
        feed("anthropic.messages", "openai.chat", stream("openai.chat", 3)[:2], 1)


def _run(**more: float) -> Run:
    figures = {"chunk_us": 10.0, "stream": 2.0, "conversation": 2.1, "tool_result": 1.9} | more
    translators = (Translator("openai.chat", "bedrock.converse", **figures),)
    return Run(FACTS, SETTINGS, Results({"null": [{"cpu_workers": 50.0}]}, translators=translators))


def test_translators_have_a_table_of_their_own_and_read_back() -> None:
    run = _run()
    document = json.loads(json.dumps(run.document()))

    assert Run.of(document) == run
    assert document["translators"][0]["in_f"] == 0.2
    assert "| openai.chat | bedrock.converse | 10.0 | 0.200 | 2.00 | 2.10 | 1.90 |" in markdown(run)


def test_a_result_from_before_translators_were_measured_is_shown() -> None:
    document = _run().document()
    del document["translators"]

    assert "bedrock.converse" not in markdown(Run.of(document))


def _verdict(run: Run, about: str) -> Verdict:
    return next(verdict for verdict in judge(run.results) if verdict.about.startswith(about))


@pytest.mark.parametrize(("chunk_us", "is_met"), [(20.0, True), (21.0, False)])
def test_the_dearest_chunk_is_held_against_f(chunk_us: float, is_met: bool) -> None:
    assert _verdict(_run(chunk_us=chunk_us), "dearest").is_met is is_met


@pytest.mark.parametrize("kind", ["stream", "conversation", "tool_result"])
def test_a_cost_that_grows_as_the_square_of_the_size_misses_its_figure(kind: str) -> None:
    assert _verdict(_run(), "translators").is_met is True
    assert _verdict(_run(**{kind: 4.0}), "translators").is_met is False

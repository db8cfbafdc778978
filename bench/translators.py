"""Measures each translator alone, in this process: the CPU time of a chunk, and whether cost grows as size does.

No network and no gRPC: what is timed is what a worker spends between the two, with everything warm. The best of
several rounds counts, since whatever disturbs one only makes it dearer.
"""

import gc
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from bench.conversations import MESSAGES_A_ROUND, conversation, text
from bench.load import BadAnswerError
from bench.streams import stream
from plano_extproc import translate
from plano_extproc.apis import ALL, Api
from plano_extproc.translate.apis import CODECS, PROVIDER_CODECS

TRANSLATORS = "translators"
"""The name, for `--only`, of these measurements."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is measured. The three sizes are the larger ones, which are held against their halves."""

    rounds: int
    pieces: int = 120
    """Pieces of text in the stream whose chunks are told."""
    streams: int = 20
    """How many such streams a run has."""
    most_pieces: int = 8_000
    messages: int = 20_000
    tool_result_bytes: int = 10_000_000


QUICK = Effort(rounds=3, streams=10)
FULL = Effort(rounds=12)


@dataclass(frozen=True, slots=True)
class Translator:
    """What one pair of dialects costs: CPU microseconds a chunk, and what twice the size costs as a multiple."""

    client: Api
    provider: Api
    chunk_us: float
    stream: float
    conversation: float
    tool_result: float

    @property
    def growth(self) -> float:
        """The worst of the multiples: 2 where the cost grows as the size, 4 where it grows as its square."""
        return max(self.stream, self.conversation, self.tool_result)


def pairs() -> list[tuple[Api, Api]]:
    """Return every client's dialect with every provider's that it is translated to."""
    return [
        (client, provider)
        for client in ALL
        for provider in ALL
        if client != provider and client in CODECS and provider in PROVIDER_CODECS
    ]


def measure(effort: Effort, chosen: Sequence[tuple[Api, Api]], tell: Callable[[str], None]) -> list[Translator]:
    """Measure these pairs of dialects, in rounds like all of the bench: the best round of each figure counts.

    Raises `BadAnswerError` when a stream does not come to its end.
    """
    tasks = {pair: _tasks(*pair, effort) for pair in chosen}
    best = {pair: dict.fromkeys(found, float("inf")) for pair, found in tasks.items()}
    # What was made for the tasks is not garbage, and need not be looked through before each of them.
    gc.freeze()
    try:
        for number in range(effort.rounds):
            tell(f"translators, round {number + 1} of {effort.rounds}")
            for pair, found in tasks.items():
                for name, task in found.items():
                    best[pair][name] = min(best[pair][name], task())
    finally:
        gc.unfreeze()
    return [_translator(*pair, spent) for pair, spent in best.items()]


_Figure = Literal["chunk", "stream", "conversation", "tool_result"]
_Name = tuple[_Figure, Literal["half", "whole"]]
_Task = Callable[[], float]
"""Does some work, and returns the CPU seconds that it took."""


def _tasks(client: Api, provider: Api, effort: Effort) -> dict[_Name, _Task]:
    chunks = stream(provider, effort.pieces)

    def chunk() -> float:
        return feed(client, provider, chunks, effort.streams) / (effort.streams * len(chunks))

    def long(pieces: int) -> _Task:
        longer = stream(provider, pieces)
        return lambda: _without_collector(lambda: feed(client, provider, longer, 1))

    def asked(rounds: int, *result: str) -> _Task:
        body = conversation(client, rounds, *result)
        return lambda: _without_collector(lambda: _ask(client, provider, body))

    messages, size = effort.messages // MESSAGES_A_ROUND, effort.tool_result_bytes
    return {
        ("chunk", "whole"): chunk,
        ("stream", "half"): long(effort.most_pieces // 2),
        ("stream", "whole"): long(effort.most_pieces),
        ("conversation", "half"): asked(messages // 2),
        ("conversation", "whole"): asked(messages),
        ("tool_result", "half"): asked(1, text(size // 2)),
        ("tool_result", "whole"): asked(1, text(size)),
    }


def _translator(client: Api, provider: Api, spent: Mapping[_Name, float]) -> Translator:
    def growth(figure: _Figure) -> float:
        return spent[figure, "whole"] / spent[figure, "half"]

    microseconds = spent["chunk", "whole"] * 1e6
    return Translator(client, provider, microseconds, growth("stream"), growth("conversation"), growth("tool_result"))


def feed(client: Api, provider: Api, chunks: Sequence[bytes], streams: int) -> float:
    """Return the CPU seconds that so many streams of these chunks take."""
    translation = _translation(client, provider)
    translation.request(conversation(client, 1), "m")
    made = [translation.stream() for _ in range(streams)]
    gc.collect()
    started = time.process_time()
    for each in made:
        for chunk in chunks:
            each.feed(chunk, False)
        each.feed(b"", True)
    spent = time.process_time() - started
    if not all(each.finished for each in made):
        raise BadAnswerError(f"a stream from {provider} to {client} did not come to its end")
    return spent


def _ask(client: Api, provider: Api, body: dict[str, Any]) -> float:
    translation = _translation(client, provider)
    gc.collect()
    started = time.process_time()
    translation.request(body, "m")
    return time.process_time() - started


def _translation(client: Api, provider: Api) -> translate.Translation:
    return translate.Translation(client, provider, created=1, answer_id="bench", is_stream=True)


def _without_collector(task: _Task) -> float:
    # It looks at all objects every now and then, so that a size may pay for one look more than its half.
    gc.disable()
    try:
        return task()
    finally:
        gc.enable()

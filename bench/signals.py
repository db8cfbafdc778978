"""What it costs a worker to read a conversation for signals.

    python -m bench.signals

Each case is a conversation that goes on: every exchange sends the whole history again, one round longer. What is
timed is the whole of `Conversations.report` for each request, in processor time.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson

from bench.conversations import conversation, text
from bench.payloads import request
from plano_extproc.apis import Api
from plano_extproc.signals import Conversations, Mode

_ROUNDS: Final = 10
_REPEATS: Final = 30
_MODES: Final[tuple[Mode, ...]] = ("standard", "compatible")


def _bench_request(api: Api) -> list[dict[str, Any]]:
    dialect = "openai" if api == "openai.chat" else "anthropic"
    body = request(dialect, "m").partition(b"\r\n\r\n")[2]  # type: ignore[arg-type]
    return [orjson.loads(body)]


def _growing(api: Api, result: str) -> list[dict[str, Any]]:
    return [conversation(api, rounds, result) for rounds in range(_ROUNDS)]


CASES: Final[Mapping[str, Callable[[], tuple[Api, list[dict[str, Any]]]]]] = {
    "the bench's request, OpenAI": lambda: ("openai.chat", _bench_request("openai.chat")),
    "the bench's request, Anthropic": lambda: ("anthropic.messages", _bench_request("anthropic.messages")),
    "ten rounds with tools, OpenAI": lambda: ("openai.chat", _growing("openai.chat", "{}")),
    "ten rounds with tools, Anthropic": lambda: ("anthropic.messages", _growing("anthropic.messages", "{}")),
    "the same, results of 16 KB": lambda: ("anthropic.messages", _growing("anthropic.messages", text(16384))),
}


def microseconds(api: Api, bodies: list[dict[str, Any]], mode: Mode) -> float:
    """Return the processor time of one exchange."""
    for body in bodies:  # what is compiled at first use
        Conversations(mode).report(api, body)
    began = time.process_time()
    for _ in range(_REPEATS):
        known = Conversations(mode)
        for body in bodies:
            known.report(api, body)
    return (time.process_time() - began) * 1e6 / _REPEATS / len(bodies)


def main() -> None:
    """Print a table."""
    print(f"{'microseconds an exchange':36}", *(f"{mode:>12}" for mode in _MODES))
    for name, make in CASES.items():
        api, bodies = make()
        print(f"{name:36}", *(f"{microseconds(api, bodies, mode):12.1f}" for mode in _MODES))


if __name__ == "__main__":
    main()

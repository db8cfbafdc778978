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
from bench.payloads import TURN, request
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


_TALK: Final = (
    ("We want to go from Lisbon to Vienna in May, two adults and a child. What would you take?",
     "With a child I would take the night train from Hendaye: it leaves at 18:20, and the children's fare is half."),
    ("How long does that take altogether, and where do we have to change?",
     "About 38 hours. You change in Hendaye and in Paris, where you also have to cross the town by metro or taxi."),
    ("Is there anything without crossing Paris? We'll have a pram and three suitcases with us.",
     "Yes: by Irun, Barcelona and Milan. It takes five hours more, but all changes are within one station."),
    ("Good. Please put down the prices for both, in euros.",
     "By Paris 612 euros for the three of you, by Milan 547 euros; seats are reserved in both, couchettes are not."),
    ("Could my sister board in Zurich? She has a half-fare card from Switzerland.",
     "She could, the train from Milan calls there at 13:09. Her card counts on the Swiss part of the way only."),
    ("What about insurance, do the tickets come with any?",
     "The railways pay when they are late by more than an hour. For illness you would need a policy of your own."),
    ("Then book the one by Milan, departure on the ninth of May, window seats if there are some.",
     "I have put it together: 9 May, three seats, one by the window. I need the names as they stand in the passports."),
    ("Ana Prata, Rui Prata and Inês Prata. Inês was born in 2019.",
     "Noted. With her year of birth the fare for the night part falls to 29 euros. Shall I pay by the card on file?"),
    ("Yes, and send the papers to my address at work, not the private one.",
     "The booking is paid, and the tickets go to the address at work. You will have them by noon tomorrow."),
    ("One more thing: where can we leave the luggage in Milan between the trains?",
     "There are lockers at the head of platform 21, open from six to midnight; large ones cost 12 euros a day."),
)  # fmt: skip


def _chat() -> list[dict[str, Any]]:
    """Return the requests of a conversation as people have it."""
    said: list[dict[str, Any]] = [{"role": "system", "content": TURN}]
    bodies = []
    for question, answer in _TALK:
        said.append({"role": "user", "content": question})
        bodies.append({"model": "m", "messages": list(said)})
        said.append({"role": "assistant", "content": answer})
    return bodies


CASES: Final[Mapping[str, Callable[[], tuple[Api, list[dict[str, Any]]]]]] = {
    "the bench's request, OpenAI": lambda: ("openai.chat", _bench_request("openai.chat")),
    "the bench's request, Anthropic": lambda: ("anthropic.messages", _bench_request("anthropic.messages")),
    "a chat of ten turns, OpenAI": lambda: ("openai.chat", _chat()),
    "a chat of ten turns, Anthropic": lambda: ("anthropic.messages", _chat()),
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

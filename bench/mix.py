"""The conversations of the bench: what people say, an agent at work, and the bench's own request, in two dialects.

A client sends the whole history with every request, so each of these is a list of bodies that grow. No conversation is
played twice: a number in its first message tells them apart.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, Final

import orjson

from bench.cases import ANTHROPIC_OWN, OPENAI_MODEL
from bench.conversations import conversation, text
from bench.payloads import DIALECTS, TURN, DialectName, request
from plano_extproc.apis import Api

_ROUNDS: Final = 10
_NUMBER: Final = b"#00000000"


@dataclass(frozen=True, slots=True)
class Talk:
    """One conversation: its dialect and the bodies of its requests, in order."""

    dialect: DialectName
    bodies: Sequence[dict[str, Any]]

    @property
    def api(self) -> Api:
        """The dialect, by the gateway's name for it."""
        return "openai.chat" if self.dialect == "openai" else "anthropic.messages"

    def requests(self, *, is_stream: bool) -> list[bytes]:
        """Return HTTP requests to be numbered by `numbered`."""
        return [_http(self.dialect, body, is_stream=is_stream) for body in self.bodies]


def numbered(requests: Sequence[bytes], number: int) -> list[bytes]:
    """Return the requests of a conversation that nobody has had before."""
    mark = b"#%08d" % (number % 10**8)
    return [each.replace(_NUMBER, mark, 1) for each in requests]


def endless(talks: Sequence[Talk], *, is_stream: bool) -> Iterator[list[bytes]]:
    """Yield the requests of one conversation after the other, each a new one."""
    made = [talk.requests(is_stream=is_stream) for talk in talks]
    for number in count():
        yield numbered(made[number % len(made)], number)


def _http(dialect: DialectName, body: Mapping[str, Any], *, is_stream: bool) -> bytes:
    asked = {**body, "model": OPENAI_MODEL if dialect == "openai" else ANTHROPIC_OWN, "stream": is_stream}
    messages = asked["messages"] = list(body["messages"])
    first = next(place for place, message in enumerate(messages) if message["role"] == "user")
    messages[first] = {**messages[first], "content": f"{_NUMBER.decode()} {messages[first]['content']}"}
    encoded = orjson.dumps(asked)
    spoken = DIALECTS[dialect]
    # Each is traced as one that comes from outside without a trace of its own.
    sent = {name: value for name, value in spoken.client_headers.items() if not name.startswith("trace")}
    headers = {"host": "127.0.0.1", **sent, "content-length": str(len(encoded))}
    lines = [f"POST {spoken.path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode() + encoded


def _bench_request(dialect: DialectName) -> Talk:
    return Talk(dialect, [orjson.loads(request(dialect, "m").partition(b"\r\n\r\n")[2])])


def _growing(dialect: DialectName, result: str) -> Talk:
    api: Api = "openai.chat" if dialect == "openai" else "anthropic.messages"
    return Talk(dialect, [conversation(api, rounds, result) for rounds in range(_ROUNDS)])


def _opening(dialect: DialectName) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the fields of a request and its first messages."""
    if dialect == "openai":
        return {"model": "m"}, [{"role": "system", "content": _SYSTEM}]
    return {"model": "m", "max_tokens": 1024, "system": _SYSTEM}, []


def _chat(dialect: DialectName) -> Talk:
    """Return a conversation as people have it."""
    fields, said = _opening(dialect)
    bodies = []
    for question, answer in _TALK:
        said.append({"role": "user", "content": question})
        bodies.append({**fields, "messages": list(said)})
        said.append({"role": "assistant", "content": answer})
    return Talk(dialect, bodies)


def _agent(dialect: DialectName) -> Talk:
    """Return an agent's work on one question: each request brings what its latest call has found."""
    fields, said = _opening(dialect)
    said.append({"role": "user", "content": TURN})
    bodies = [{**fields, "messages": list(said)}]
    for number, (name, arguments) in enumerate(_CALLS):
        found = _FOUND * (number % 4 + 1)
        if dialect == "openai":
            call = {"name": name, "arguments": orjson.dumps(arguments).decode()}
            said += [
                {
                    "role": "assistant",
                    "content": None,
                    "tool_calls": [{"id": f"call_{number}", "type": "function", "function": call}],
                },
                {"role": "tool", "tool_call_id": f"call_{number}", "content": found},
            ]
        else:
            use = {"type": "tool_use", "id": f"toolu_{number}", "name": name, "input": arguments}
            result = {"type": "tool_result", "tool_use_id": f"toolu_{number}", "content": found}
            said += [{"role": "assistant", "content": [use]}, {"role": "user", "content": [result]}]
        bodies.append({**fields, "messages": list(said)})
    return Talk(dialect, bodies)


_SYSTEM: Final = "You plan journeys. Look trains up before you name them, and say what they cost."
_FOUND: Final = "08:10 Lisbon Oriente, 21:45 Hendaye, IC 311, second class from 39 euros, bicycles by reservation\n" * 4
_CALLS: Final[Sequence[tuple[str, dict[str, Any]]]] = (
    ("timetable", {"from": "Lisbon", "to": "Hendaye", "day": "2026-05-09"}),
    ("timetable", {"from": "Hendaye", "to": "Paris", "day": "2026-05-10"}),
    ("timetable", {"from": "Paris", "to": "Vienna", "day": "2026-05-10"}),
    ("fares", {"train": "IC 311", "travellers": [34, 36, 7]}),
    ("fares", {"train": "TGV 8532", "travellers": [34, 36, 7]}),
    ("stations", {"near": "Paris Est", "lockers": True}),
    ("timetable", {"from": "Lisbon", "to": "Vienna", "day": "2026-05-09", "by": "plane"}),
    ("fares", {"flight": "TP 1272", "travellers": [34, 36, 7]}),
    ("weather", {"at": "Vienna", "day": "2026-05-11"}),
)


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

TALKS: Final[Mapping[str, Callable[[], Talk]]] = {
    "the bench's request, OpenAI": lambda: _bench_request("openai"),
    "the bench's request, Anthropic": lambda: _bench_request("anthropic"),
    "a chat of ten turns, OpenAI": lambda: _chat("openai"),
    "a chat of ten turns, Anthropic": lambda: _chat("anthropic"),
    "an agent at work, OpenAI": lambda: _agent("openai"),
    "an agent at work, Anthropic": lambda: _agent("anthropic"),
}
"""The mix."""

MORE: Final[Mapping[str, Callable[[], Talk]]] = {
    "the same again, OpenAI": lambda: _growing("openai", "{}"),
    "the same again, Anthropic": lambda: _growing("anthropic", "{}"),
    "the same, results of 16 KB": lambda: _growing("anthropic", text(16384)),
}
"""Not in the mix: conversations of which every round repeats the one before it, so that each is full of signals."""

"""Where a worker's time goes: the messages of one exchange, fed to the gateway without gRPC.

    python -m bench.profile_worker [CASE …] [--profile] [--count N]

The messages are those that Envoy sends for a case of the bench. What is timed is the whole of our own code: parse
the message, handle the event, serialise the answer. What the bench shows beyond it is gRPC's. `--profile` shows
the functions; it slows small ones down, so take it for the order and the plain run for the figures.
"""

import argparse
import cProfile
import os
import pstats
import sys
import tempfile
import time
from collections.abc import Awaitable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bench.cases import ANTHROPIC_CHAIN, ANTHROPIC_OWN, CASES, Case
from bench.gateway import configuration
from bench.http1 import unframed
from bench.payloads import DIALECTS, Dialect, request

if TYPE_CHECKING:
    from plano_extproc.gateway import Gateway
    from plano_extproc.gateway.actions import Action

_EVENTS = 100
_LISTENER = "bench"

_IMMEDIATE_RESPONSE = b"\x3a"
"""The first byte of a ProcessingResponse that answers the client itself: field 7, with a length."""


def messages(case: Case) -> list[bytes]:
    """Return the serialised messages of one exchange at the listener position, as Envoy would send them."""
    from plano_extproc._pb import ext_proc_pb2 as pb

    def headers(pairs: Sequence[tuple[str, bytes]]) -> pb.HttpHeaders:
        values = [pb.HeaderValue(key=name, raw_value=value) for name, value in pairs]
        return pb.HttpHeaders(headers=pb.HeaderMap(headers=values))

    head, _, body = request(case.dialect, case.model, stream=case.stream).partition(b"\r\n\r\n")
    asked = [
        (":authority", b"127.0.0.1"),
        (":path", DIALECTS[case.dialect].path.encode()),
        (":method", b"POST"),
        (":scheme", b"http"),
        *((name, value) for name, value in _header_lines(head) if name != "host"),
        ("x-request-id", b"2d4f6c1e-0b1e-4a57-9a6e-6b7e0a9c1d2f"),
    ]
    provider = DIALECTS["openai" if case.model.startswith("openai/") else "anthropic"]
    answer_head, chunks = _answer(provider, is_stream=bool(case.stream))
    answered = [(":status", b"200"), *_header_lines(answer_head)]
    sent = [
        pb.ProcessingRequest(request_headers=headers(asked)),
        pb.ProcessingRequest(request_body=pb.HttpBody(body=body, end_of_stream=True)),
        pb.ProcessingRequest(response_headers=headers(answered)),
    ]
    if not _is_bypass(case):
        last = len(chunks) - 1
        sent += [
            pb.ProcessingRequest(response_body=pb.HttpBody(body=chunk, end_of_stream=number == last))
            for number, chunk in enumerate(chunks)
        ]
    return [message.SerializeToString() for message in sent]


def _is_bypass(case: Case) -> bool:
    # Of a chain, the answer is read by the attempt.
    return case.model.startswith(f"{case.dialect}/") or case.model in (ANTHROPIC_CHAIN, ANTHROPIC_OWN)


def _header_lines(head: bytes) -> Iterator[tuple[str, bytes]]:
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b": ")
        if name:
            yield name.decode(), value


def _answer(provider: Dialect, *, is_stream: bool) -> tuple[bytes, list[bytes]]:
    if not is_stream:
        head, _, body = provider.answer.partition(b"\r\n\r\n")
        return head, [body]
    head, *opening = provider.stream_opening
    events = [*opening, *[provider.stream_event] * _EVENTS, *provider.stream_closing]
    return head.removesuffix(b"\r\n\r\n"), [unframed(event) for event in events]


def play(gateway: "Gateway", sent: Sequence[bytes]) -> list[bytes]:
    """Serve one exchange, and return the serialised answers."""
    from plano_extproc.gateway import Exchange
    from plano_extproc.server import wire

    exchange = Exchange(gateway, _LISTENER, 1)
    answers = []
    for raw in sent:
        kind, event = wire.event(raw)
        answers.append(wire.answer(kind, at_once(exchange.handle(event))))
    exchange.closed()
    return answers


def at_once(action: "Action | Awaitable[Action]") -> "Action":
    """Return an answer that waits for nobody: the bench's configuration asks nobody."""
    assert not isinstance(action, Awaitable), "nobody is asked"
    return action


def build(folder: Path) -> "Gateway":
    """Return the gateway that a worker makes of the bench's configuration, its metrics and clocks included."""
    os.environ["BENCH_KEY"] = "bench-key"
    # Set before the first import of prometheus_client, which reads it once.
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
    from plano_extproc.server.worker import Settings, Worker

    config = folder / "config.yaml"
    config.write_text(configuration(listener_port=1, provider_port=2))
    gateway = Worker(Settings(config, listen=()))._gateway  # noqa: SLF001 - the worker shows it to nobody else
    # There is no event loop here: what a worker does when it has nothing better to do is done, and timed, at once.
    gateway.ports = replace(gateway.ports, later=lambda doing: doing())
    return gateway


def main(arguments: Sequence[str] | None = None) -> None:
    """Time each case, and show the functions if asked to."""
    cases = {case.name: case for case in CASES if case.proxy == "gateway" and not case.name.endswith("-short")}
    parser = argparse.ArgumentParser(prog="python -m bench.profile_worker", description=__doc__)
    parser.add_argument("case", nargs="*", help=", ".join(cases))
    parser.add_argument("--profile", action="store_true", help="show the functions that take the time")
    parser.add_argument("--count", type=int, default=2000, help="exchanges to play")
    chosen = parser.parse_args(arguments)
    if unknown := set(chosen.case) - set(cases):
        parser.error(f"no such case: {', '.join(sorted(unknown))}; there are {', '.join(cases)}")
    with tempfile.TemporaryDirectory(prefix="plano-bench-") as folder:
        gateway = build(Path(folder))
        for name in chosen.case or cases:
            sent = messages(cases[name])
            if refused := [answer for answer in play(gateway, sent) if answer[:1] == _IMMEDIATE_RESPONSE]:
                sys.exit(f"{name} is refused: {refused[0].decode(errors='replace')}")
            count = max(1, chosen.count * 3 // len(sent))
            took = min(_time(gateway, sent, count // 5 + 1) for _ in range(5))
            print(f"{name}: {took * 1e6:.1f} us an exchange, {len(sent)} messages")
            for kind, steps in _steps(gateway, sent, count).items():
                parse, handle, answer = (seconds * 1e6 for seconds in steps)
                print(f"  {kind:<17} parse {parse:6.1f}   handle {handle:6.1f}   answer {answer:6.1f}")
            if chosen.profile:
                _show(gateway, sent, count)


def _time(gateway: "Gateway", sent: Sequence[bytes], count: int) -> float:
    started = time.process_time()
    for _ in range(count):
        play(gateway, sent)
    return (time.process_time() - started) / count


def _steps(gateway: "Gateway", sent: Sequence[bytes], count: int) -> dict[str, tuple[float, float, float]]:
    """Return, for each kind of message, what parsing, handling and answering all of them took in an exchange."""
    from plano_extproc.gateway import Exchange
    from plano_extproc.server import wire

    clock = time.perf_counter
    took: dict[str, list[float]] = {}
    for _ in range(count):
        exchange = Exchange(gateway, _LISTENER, 1)
        for raw in sent:
            started = clock()
            kind, event = wire.event(raw)
            parsed = clock()
            action = at_once(exchange.handle(event))
            handled = clock()
            wire.answer(kind, action)
            answered = clock()
            sums = took.setdefault(kind, [0.0, 0.0, 0.0])
            for step, seconds in enumerate((parsed - started, handled - parsed, answered - handled)):
                sums[step] += seconds / count
    return {kind: (parse, handle, answer) for kind, (parse, handle, answer) in took.items()}


def _show(gateway: "Gateway", sent: Sequence[bytes], count: int) -> None:
    profiler = cProfile.Profile()
    profiler.enable()
    for _ in range(count):
        play(gateway, sent)
    profiler.disable()
    pstats.Stats(profiler).strip_dirs().sort_stats("tottime").print_stats(25)


if __name__ == "__main__":
    main()

"""What conversations, cached answers and memory cost a worker: CPU of one exchange, without Envoy and gRPC.

python -m bench.kept [--rounds 300]
"""

import argparse
import asyncio
import json
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from plano_extproc.config import load
from plano_extproc.gateway import Exchange, Gateway, Ports, gateway
from plano_extproc.gateway.actions import Action, Reply
from plano_extproc.gateway.events import RequestBody, RequestHeaders, ResponseBody, ResponseHeaders
from plano_extproc.stores.kept import KeptStores
from plano_extproc.telemetry.metrics import Metrics

CONFIG = """
version: v0.5.0
listeners: [{type: model, name: m, port: 12000%s}]
model_providers: [{model: groq/chatty, access_key: k, default: true}]
%s
"""
WHOLE = json.dumps(
    {
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "chatty",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "word " * 200}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 9, "completion_tokens": 200, "total_tokens": 209},
    }
).encode()  # fmt: skip
CHUNK = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "chatty"}


def stream() -> Iterator[bytes]:
    """Yield a streamed answer of 200 words."""
    for _ in range(200):
        told = CHUNK | {"choices": [{"index": 0, "delta": {"content": "word "}, "finish_reason": None}]}
        yield b"data: " + json.dumps(told).encode() + b"\n\n"
    ended = CHUNK | {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    yield b"data: " + json.dumps(ended).encode() + b"\n\ndata: [DONE]\n\n"


def made(home: Path, listener: str, more: str) -> tuple[Gateway, KeptStores]:
    """Return a gateway with stores below `home`."""
    stores = KeptStores(home, new_id=lambda: uuid.uuid4().hex, now=time.time)
    metrics = Metrics()
    ports = Ports(
        clock=time.perf_counter,
        now=time.time,
        metrics=metrics,
        exposition=metrics.exposition,
        background=lambda work: _left.append(asyncio.ensure_future(work)),
        conversations=stores.conversations,
        answers=stores.answers,
        memories=stores.state,
        new_id=lambda: uuid.uuid4().hex,
    )
    config = load(CONFIG % (listener, more), environ={}).config
    assert config is not None
    return gateway(config, generation=1, ports=ports), stores


_left: list[asyncio.Future[None]] = []


async def exchanged(on: Gateway, path: str, body: Any, chunks: list[bytes]) -> bytes:
    """Run one exchange and return what its client gets."""
    exchange = Exchange(on, "m")
    sent = {":path": path, ":method": "POST", "content-type": "application/json"}
    await _done(exchange.handle(RequestHeaders({name: value.encode() for name, value in sent.items()}, False)))
    action = await _done(exchange.handle(RequestBody(json.dumps(body).encode(), True)))
    if isinstance(action, Reply):
        exchange.closed()
        assert action.status == 200, action.body
        return action.body
    kind = b"text/event-stream" if len(chunks) > 1 else b"application/json"
    await _done(exchange.handle(ResponseHeaders({":status": b"200", "content-type": kind}, False)))
    out: list[bytes] = []
    for number, chunk in enumerate(() if exchange.is_done else chunks):
        told: Any = await _done(exchange.handle(ResponseBody(chunk, number == len(chunks) - 1)))
        out.append(told.body if told.body is not None else chunk)
    exchange.closed()
    return b"".join(out)


async def _done(action: Any) -> Action:
    found: Action = await action if asyncio.iscoroutine(action) else action
    return found


async def measured(name: str, rounds: int, work: Callable[[int], Any]) -> None:
    """Print the CPU of one round, all threads of the process together, and its time."""
    for number in range(10):
        await work(-1 - number)
    cpu, wall = time.process_time(), time.perf_counter()
    for number in range(rounds):
        await work(number)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    print(f"{name:52} {cpu / rounds * 1e6:8.0f} µs CPU {wall / rounds * 1e6:8.0f} µs")


def chat(text: str, **more: Any) -> dict[str, Any]:
    """Return a chat request."""
    return {"model": "chatty", "messages": [{"role": "user", "content": text}], **more}


async def main(rounds: int) -> None:
    """Measure everything."""
    path, responses = "/v1/chat/completions", "/v1/responses"
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        plain, _ = made(home / "plain", "", "")
        chunks = list(stream())
        await measured("chat, whole", rounds, lambda _: exchanged(plain, path, chat("hello"), [WHOLE]))
        cached, stores = made(home / "cached", "", "cache: {type: exact}")
        await exchanged(cached, path, chat("hello"), [WHOLE])
        await measured("cached, hit", rounds, lambda _: exchanged(cached, path, chat("hello"), []))
        await exchanged(cached, path, chat("hello", stream=True), chunks)
        await measured(
            "cached, hit of a stream", rounds, lambda _: exchanged(cached, path, chat("hello", stream=True), [])
        )
        await measured("cached, miss", rounds, lambda n: exchanged(cached, path, chat(f"hello {n}"), [WHOLE]))
        await stores.close()
        near, stores = made(home / "near", "", "cache: {type: semantic}")
        await exchanged(near, path, chat("How do I reset my password?"), [WHOLE])
        asked = chat("How can I reset my password?")
        await measured("cached by meaning, hit", rounds, lambda _: exchanged(near, path, asked, []))
        await stores.close()
        stateless = {"model": "chatty", "input": "hello", "store": False}
        kept, stores = made(home / "kept", "", "state_storage: {type: sqlite}")
        await measured("responses, not stored", rounds, lambda _: exchanged(kept, responses, stateless, [WHOLE]))
        first = {"model": "chatty", "input": "hello"}
        await measured("responses, stored", rounds, lambda _: exchanged(kept, responses, first, [WHOLE]))
        await measured(
            "responses, not stored, stream of 200", rounds // 3,
            lambda _: exchanged(kept, responses, stateless | {"stream": True}, chunks),
        )  # fmt: skip
        await measured(
            "responses, stored, stream of 200", rounds // 3,
            lambda _: exchanged(kept, responses, first | {"stream": True}, chunks),
        )  # fmt: skip
        for depth in (1, 20, 100):
            last = None
            for _ in range(depth):
                answer = await exchanged(kept, responses, first | {"previous_response_id": last}, [WHOLE])
                last = json.loads(answer)["id"]
            goes_on = first | {"previous_response_id": last}
            await measured(
                f"responses, going on from {depth} turns", rounds // 3,
                lambda _, goes_on=goes_on: exchanged(kept, responses, goes_on, [WHOLE]),  # type: ignore[misc]
            )  # fmt: skip
        await stores.close()
        minds, stores = made(home / "minds", ", memory: {}", "")
        for number in range(50):
            await exchanged(minds, path, chat(f"Remember that thing {number} is in box {number}."), [WHOLE])
        await asyncio.gather(*_left)
        await measured("memory, 50 kept", rounds, lambda _: exchanged(minds, path, chat("where is thing 7"), [WHOLE]))
        await asyncio.gather(*_left)
        await stores.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=300)
    asyncio.run(main(parser.parse_args().rounds))

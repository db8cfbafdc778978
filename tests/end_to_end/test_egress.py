"""The sidecar's own requests, through the egress listener of a real gateway."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from plano_extproc.egress import Egress
from plano_extproc.flow import Callout, CalloutFailed, Reply
from plano_extproc.services import upstreams
from planoai.home import Home
from tests.support.gateway import Gateway, running_gateway
from tests.support.http_server import Action, Data, End, Head, HttpServer, Recorded, Reset, Wait
from tests.support.ports import free_port

CONFIG = """
version: v0.5.0
listeners:
  - {{type: agent, name: agents, port: {port}, agents: [{{id: weather, description: weather}}]}}
  - {{type: model, name: models, port: {models}}}
agents:
  - {{id: weather, url: "http://127.0.0.1:{service}/base"}}
filters:
  - {{id: away, url: "http://127.0.0.1:{closed}", type: http}}
"""


class Service:
    """A server that says what the test wrote into `script`, and remembers what it was asked."""

    def __init__(self) -> None:
        self.script: list[Action] = []
        self.asked: list[Recorded] = []
        self.server = HttpServer(self._answer)

    def _answer(self, request: Recorded) -> list[Action]:
        self.asked.append(request)
        return self.script


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    found = Service()
    with found.server:
        yield found


@pytest.fixture(scope="module")
def closed() -> int:
    return free_port()


@pytest.fixture(scope="module")
def gateway(service: Service, closed: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    text = CONFIG.format(port=free_port(), models=free_port(), service=service.server.port, closed=closed)
    with running_gateway(text, environ={}, home=tmp_path_factory.mktemp("egress")) as running:
        yield running


def ask(gateway: Gateway, cluster: str, *, timeout: float = 10.0, max_bytes: int = 1 << 20) -> Reply:
    async def once() -> Reply:
        egress = Egress(f"unix:{Home(gateway.home).sockets / 'egress.sock'}", max_bytes=max_bytes)
        try:
            headers = (("content-type", b"application/json"), ("x-own", b"1"))
            return await egress.send(Callout(cluster, "POST", "/base/a%2Fb?q=1", headers, b"{}", "test", timeout))
        finally:
            await egress.close()

    return asyncio.run(once())


def weather(service: Service) -> str:
    return upstreams("agent", "weather", [f"http://127.0.0.1:{service.server.port}/base"])[0].cluster


def test_a_request_reaches_a_service_as_it_was_made(gateway: Gateway, service: Service) -> None:
    service.script = [Head(418, (("x-said", "yes"),)), Data(b"hel"), Data(b"lo"), End()]
    reply = ask(gateway, weather(service))
    assert (reply.status, reply.body, reply.headers["x-said"]) == (418, b"hello", b"yes")
    seen = service.asked[-1]
    assert (seen.method, seen.target, seen.body) == ("POST", "/base/a%2Fb?q=1", b"{}")
    sent = dict(seen.headers)
    assert sent["host"] == f"127.0.0.1:{service.server.port}"
    assert sent["x-own"] == "1"
    assert not [name for name in sent if name.startswith(("x-plano", "x-forwarded", "user-agent", "x-envoy"))]


def test_a_service_that_says_503_has_answered(gateway: Gateway, service: Service) -> None:
    service.script = [Head(503), Data(b"busy"), End()]
    assert ask(gateway, weather(service)).status == 503


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ([Wait(5)], "timeout"),
        ([Head(200), Data(b"beg"), Wait(5)], "timeout"),
        ([Reset()], "reset"),
        ([Head(200), Data(b"beg"), Reset()], "reset"),
        ([Head(200), Data(b"x" * 5000), End()], "too_large"),
    ],
    ids=["silent", "stalled", "reset", "broken off", "too large"],
)
def test_what_went_wrong_is_told_by_a_word(
    gateway: Gateway, service: Service, script: list[Action], reason: str
) -> None:
    service.script = script
    with pytest.raises(CalloutFailed) as failed:
        ask(gateway, weather(service), timeout=3.0, max_bytes=4000)
    assert failed.value.reason == reason


def test_a_service_that_is_away_is_unreachable(gateway: Gateway, closed: int) -> None:
    cluster = upstreams("filter", "away", [f"http://127.0.0.1:{closed}"])[0].cluster
    for unknown in (cluster, "no_such_cluster"):
        with pytest.raises(CalloutFailed) as failed:
            ask(gateway, unknown)
        assert failed.value.reason == "unreachable"


def test_without_an_envoy_nothing_is_reached(tmp_path: Path) -> None:
    async def once() -> None:
        egress = Egress(f"unix:{tmp_path / 'nobody.sock'}", max_bytes=1)
        try:
            await egress.send(Callout("c", "GET", "/", (), b"", "test", 1.0))
        finally:
            await egress.close()

    with pytest.raises(CalloutFailed) as failed:
        asyncio.run(once())
    assert failed.value.reason == "unreachable"

from concurrent.futures import ThreadPoolExecutor

import pytest

from planoai.home import Home
from planoai.supervise import strays
from tests.cli.commands import Shell, chat, config
from tests.support.gateway import until
from tests.support.http_server import Hold
from tests.support.ports import free_port
from tests.support.scripted import ScriptedProvider

pytestmark = pytest.mark.envoy


def test_requests_in_flight_end_before_the_gateway_does(user: Shell) -> None:
    port = free_port()
    with ScriptedProvider("openai.chat", key="sk-a") as provider, ThreadPoolExecutor() as clients:
        user.write(config(port, key="sk-a", provider=provider.url))
        assert user.planoai("up", "--workers", "1").returncode == 0
        gate = provider.gate()
        provider.add(lambda request: [Hold(gate), *provider._next(request)])
        answer = clients.submit(chat, port)
        assert until(lambda: provider.requests)

        down = user.start("down")
        assert down.stdout is not None
        line = down.stdout.readline()
        gate.set()
        down.communicate(timeout=60)

        assert line == "waiting up to 30 s for 1 request in flight\n"
        assert answer.result() == 200
        assert down.returncode == 0
        assert strays(Home(user.home)) == []


def test_a_request_that_outlasts_the_drain_is_cut(user: Shell) -> None:
    port = free_port()
    with ScriptedProvider("openai.chat", key="sk-a") as provider, ThreadPoolExecutor() as clients:
        user.write(config(port, key="sk-a", provider=provider.url))
        assert user.planoai("up", "--workers", "1").returncode == 0
        provider.hang(60.0)
        answer = clients.submit(chat, port)
        assert until(lambda: provider.requests)

        result = user.planoai("down", "--drain-seconds", "0.5")

        assert result.returncode == 0
        assert answer.result(timeout=60) != 200
        assert strays(Home(user.home)) == []

"""Sources of prices and latencies, asked for real."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from aiohttp import web

from plano_extproc.config.routing import CostSource, LatencySource
from plano_extproc.routing.prices import Rates
from plano_extproc.server.feeds import Feeds

GOOD = '{"openai": {"models": {"a": {"cost": {"input": 1, "output": 2}}}}}'
FIGURES = '{"status":"success","data":{"result":[{"metric":{"model_name":"m"},"value":[1,"0.5"]}]}}'


class Source:
    """A server whose answer the test sets; `asked` are the paths of its requests."""

    def __init__(self) -> None:
        self.status, self.text = 200, GOOD
        self.asked: list[str] = []
        self.url = ""

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(request.path_qs)
        return web.Response(status=self.status, text=self.text)


@pytest.fixture
async def source() -> AsyncIterator[Source]:
    made = Source()
    app = web.Application()
    app.router.add_get("/{path:.*}", made.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    made.url = f"http://{host}:{port}"
    yield made
    await runner.cleanup()


def cost(url: str) -> CostSource:
    return CostSource(type="cost", provider="models.dev", url=url, refresh_interval=1)


async def until(is_so: Callable[[], bool]) -> None:
    for _ in range(6000):
        if is_so():
            return
        await asyncio.sleep(0.01)
    pytest.fail("it never came")


async def test_prices_come_and_stay_when_the_source_fails(source: Source) -> None:
    now = [100.0]
    feeds = Feeds((cost(source.url),), now=lambda: now[0])
    assert feeds.ages() == {"cost:models.dev": None}
    feeds.tick()
    feeds.tick()
    await until(lambda: feeds.prices.table is not None)
    assert feeds.prices.of("openai/a") == Rates(1.0, 2.0)
    assert len(source.asked) == 1

    for number, (status, text) in enumerate([(500, GOOD), (200, "<html>"), (200, "{}"), (404, "")], 1):
        source.status, source.text = status, text
        now[0] += 10
        feeds.tick()
        await until(lambda number=number: feeds.errors["cost:models.dev"] == number)  # type: ignore[misc]
        assert feeds.prices.of("openai/a") == Rates(1.0, 2.0)

    assert feeds.ages() == {"cost:models.dev": 40.0}
    assert feeds.feeds[0].error is not None
    source.status, source.text = 200, GOOD.replace("1", "3")
    now[0] += 10
    feeds.tick()
    await until(lambda: feeds.prices.of("openai/a") == Rates(3.0, 2.0))
    await feeds.close()


async def test_prometheus_is_asked(source: Source) -> None:
    source.text = FIGURES
    query = LatencySource(type="latency", provider="prometheus", url=source.url, query="up")
    feeds = Feeds((query,))
    assert not feeds.has_latencies
    feeds.tick()
    await until(lambda: feeds.has_latencies)

    assert feeds.latency("any/m") == 0.5
    assert feeds.latency("other") is None
    assert source.asked == ["/api/v1/query?query=up"]
    await feeds.close()


async def test_a_source_that_is_not_there_is_counted() -> None:
    feeds = Feeds((cost("http://127.0.0.1:1"),))
    feeds.tick()
    await until(lambda: feeds.errors["cost:models.dev"] == 1)

    assert feeds.prices.table is None
    await feeds.close()


async def test_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "prices.yaml"
    path.write_text("p/m: {input: 1, output: 2}")
    own = CostSource(type="cost", provider="file", path=str(path))
    gone = CostSource(type="cost", provider="file", path=str(tmp_path / "gone.yaml"))
    feeds, without = Feeds((own,)), Feeds((gone,))
    feeds.tick()
    without.tick()
    await until(lambda: feeds.prices.table is not None and without.errors["cost:file"] == 1)

    assert feeds.prices.figure("p/m") == 3.0


async def test_a_new_configuration_keeps_what_is_known(tmp_path: Path) -> None:
    path = tmp_path / "prices.yaml"
    path.write_text("p/m: {input: 1, output: 2}")
    own = CostSource(type="cost", provider="file", path=str(path))
    feeds = Feeds((own,))
    feeds.tick()
    await until(lambda: feeds.prices.table is not None)

    assert Feeds((own,), before=feeds).prices.figure("p/m") == 3.0
    assert Feeds((), before=feeds).prices.table is None


async def test_closing_ends_what_is_under_way(source: Source) -> None:
    feeds = Feeds((cost(source.url),))
    feeds.tick()
    await feeds.close()

    assert feeds.prices.table is None

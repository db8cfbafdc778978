import asyncio
import json
import time

from plano_extproc.limits.usage import Tally, Totals, Who
from plano_extproc.stores import RedisStore, SharedStore, SqliteStore, shared_path
from tests.cli.commands import Shell, flat
from tests.support.servers import RedisServer, redis_server

__all__ = ["redis_server"]

ANN = Who("ann", "openai/gpt-4o", "weather")
BOB = Who("bob", "house/llama")
CONFIG = """\
version: v0.5.0
model_providers: [{model: openai/gpt-4o, access_key: k}]
overrides: {limit_store: $LIMITS}
"""


async def fill(store: SharedStore) -> None:
    tally, now = Tally(), time.time()
    tally.add(ANN, Totals(requests=2, input=100, cached=40, output=50, nanos=1_500_000_000), now)
    tally.add(BOB, Totals(requests=1, input=7, unpriced=1), now)
    tally.add(BOB, Totals(requests=5, input=1), now - 3 * 86400)
    await store.add(tally.drain())
    await store.close()


def test_figures_are_shown_by_client_model_agent_and_day(user: Shell) -> None:
    asyncio.run(fill(SqliteStore(shared_path(user.home))))

    found = json.loads(user.planoai("usage", "--json").stdout)
    assert [row["client"] for row in found["rows"]] == ["ann", "bob"]
    assert found["rows"][0] == {
        "client": "ann",
        "requests": 2,
        "calls": 0,
        "input_tokens": 100,
        "cached_tokens": 40,
        "output_tokens": 50,
        "usd": 1.5,
        "unpriced_requests": 0,
    }
    assert found["total"]["input_tokens"] == 107
    models = json.loads(user.planoai("usage", "--json", "--by", "model", "--since", "4d").stdout)
    assert [(row["model"], row["requests"]) for row in models["rows"]] == [("openai/gpt-4o", 2), ("house/llama", 6)]
    days = json.loads(user.planoai("usage", "--json", "--by", "day", "--since", "30d").stdout)
    assert [row["requests"] for row in days["rows"]] == [5, 3]
    agents = json.loads(user.planoai("usage", "--json", "--by", "agent").stdout)
    assert [row["agent"] for row in agents["rows"]] == ["weather", None]


def test_the_table_names_what_has_no_price(user: Shell) -> None:
    asyncio.run(fill(SqliteStore(shared_path(user.home))))

    result = user.planoai("usage")
    assert result.returncode == 0
    assert "1.5000" in result.stdout
    assert "1 without a price" in result.stdout


def test_nothing_used_is_no_error_and_makes_no_file(user: Shell) -> None:
    result = user.planoai("usage", "--json")

    assert result.returncode == 0
    assert json.loads(result.stdout)["rows"] == []
    assert not shared_path(user.home).exists()
    told = flat(user.planoai("usage").stderr)
    assert (
        told
        == "note: nothing was counted in this time -> requests are counted where the file has `clients` or `ratelimits`"
    )


def test_a_length_of_time_that_is_none_is_wrong_usage(user: Shell) -> None:
    result = user.planoai("usage", "--since", "yesterday")

    assert result.returncode == 2
    assert "'yesterday' is no length of time" in result.stderr


def test_figures_in_redis_are_found_by_the_file(user: Shell, redis_server: RedisServer) -> None:
    asyncio.run(fill(RedisStore(redis_server.url)))
    file = user.write(CONFIG)

    found = json.loads(user.planoai("usage", str(file), "--json", LIMITS=redis_server.url).stdout)
    assert [row["client"] for row in found["rows"]] == ["ann", "bob"]


def test_a_store_that_is_away_is_a_failure_without_its_password(user: Shell) -> None:
    file = user.write(CONFIG)

    result = user.planoai("usage", str(file), LIMITS="redis://:secret@127.0.0.1:1/0")
    assert result.returncode == 1
    assert "the Redis at 127.0.0.1 does not answer" in result.stderr
    assert "secret" not in result.stderr


def test_a_file_that_is_no_database_is_a_failure(user: Shell) -> None:
    path = shared_path(user.home)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"nonsense" * 500)

    result = user.planoai("usage")
    assert result.returncode == 1
    assert "file is not a database" in result.stderr

"""Commands about the running gateway, from a shell that has none of its variables."""

import json
from collections.abc import Iterator

import pytest

from tests.cli.commands import Shell, shell
from tests.support.ports import free_port

pytestmark = pytest.mark.envoy

CONFIG = """\
version: v0.5.0
listeners: [{type: model, name: llm, port: PORT}]
model_providers: [{model: openai/gpt-4o, access_key: $ONLY_THE_GATEWAY_HAS_IT}]
agents: [{id: planner, url: "http://127.0.0.1:1"}]
governance: {store: sqlite, agents: [{id: planner, tier: 0}]}
"""


@pytest.fixture(scope="module")
def governed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    with shell(tmp_path_factory.mktemp("running")) as user:
        user.write(CONFIG.replace("PORT", str(free_port())))
        result = user.planoai("up", "--workers", "1", ONLY_THE_GATEWAY_HAS_IT="sk-one")
        assert result.returncode == 0, result.stdout + result.stderr
        yield user


def standing(user: Shell) -> str:
    result = user.planoai("agents", "--json")
    assert result.returncode == 0, result.stderr
    found: str = json.loads(result.stdout)[0]["standing"]
    return found


@pytest.mark.parametrize("command", [("agents",), ("ledger",), ("ledger", "verify"), ("memory",), ("usage",)])
def test_they_need_no_variable_of_the_gateway(governed: Shell, command: tuple[str, ...]) -> None:
    result = governed.planoai(*command)
    assert result.returncode == 0, result.stderr


def test_an_agent_is_revoked_while_the_file_is_being_edited(governed: Shell) -> None:
    governed.write("version: [half done")

    result = governed.planoai("agents", "revoke", "planner", "--reason", "loops")

    assert result.returncode == 0, result.stderr
    assert standing(governed) == "revoked"
    assert governed.planoai("agents", "restore", "planner").returncode == 0
    assert standing(governed) == "active"

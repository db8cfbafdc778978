"""`planoai reload` on a gateway that serves."""

import json
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from planoai.probe import ask
from tests.cli.commands import Shell, chat, config, flat, shell
from tests.support.gateway import until
from tests.support.ports import free_port
from tests.support.scripted import ScriptedProvider

pytestmark = pytest.mark.envoy


def status(user: Shell) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(user.planoai("status", "--json").stdout)
    return found


@contextmanager
def calling(port: int) -> Iterator[list[int]]:
    """Ask without a pause, from two clients, while the block runs; yields the statuses."""
    statuses: list[int] = []
    done = threading.Event()

    def client() -> None:
        while not done.is_set():
            statuses.append(chat(port))

    clients = [threading.Thread(target=client) for _ in range(2)]
    for thread in clients:
        thread.start()
    try:
        yield statuses
    finally:
        done.set()
        for thread in clients:
            thread.join()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Shell, int]]:
    """One gateway for what is refused, and so changes nothing."""
    with shell(tmp_path_factory.mktemp("served")) as user:
        port = free_port()
        user.write(config(port))
        assert user.planoai("up", "--workers", "1").returncode == 0
        yield user, port


def test_a_changed_file_is_applied_without_dropping_a_request(user: Shell) -> None:
    port = free_port()
    with ScriptedProvider("openai.chat", key="sk-a") as old, ScriptedProvider("openai.chat", key="sk-b") as new:
        user.write(config(port, key="sk-a", provider=old.url))
        assert user.planoai("up", "--workers", "2").returncode == 0
        assert chat(port) == 200

        with calling(port) as statuses:
            user.write(config(port, key="sk-b", provider=new.url))
            result = user.planoai("reload")
            before = len(new.requests)
            assert until(lambda: len(new.requests) > before + 5)

        assert result.returncode == 0, result.stderr
        assert "generation 2" in result.stdout
        assert set(statuses) == {200}
        assert len(new.requests) > 0
        assert status(user)["config"] == {"file": str(user.folder / "config.yaml"), "generation": 2}
        assert status(user)["ready"] is True


def test_a_file_with_errors_is_refused_and_the_old_one_stays(user: Shell) -> None:
    port = free_port()
    with ScriptedProvider("openai.chat", key="sk-a") as provider:
        user.write(config(port, key="sk-a", provider=provider.url))
        assert user.planoai("up", "--workers", "1").returncode == 0

        user.write(config(port) + "colour: blue\n")
        result = user.planoai("reload")

        assert result.returncode == 1
        assert "colour" in result.stderr
        assert chat(port) == 200
        assert status(user)["config"] == {"file": str(user.folder / "config.yaml"), "generation": 1}


def test_new_values_of_variables_reach_workers_and_those_that_start_later(user: Shell) -> None:
    port = free_port()
    with ScriptedProvider("openai.chat", key="sk-new") as provider:
        user.write(config(port, key="$PROVIDER_KEY", provider=provider.url))
        assert user.planoai("up", "--workers", "1", PROVIDER_KEY="sk-old").returncode == 0
        assert chat(port) == 401

        assert user.planoai("reload", PROVIDER_KEY="sk-new").returncode == 0
        assert chat(port) == 200

        worker = next(entry["pid"] for entry in status(user)["processes"] if entry["name"] == "worker-0")
        os.kill(worker, signal.SIGKILL)
        assert until(lambda: chat(port) == 200, seconds=60)
        assert until(lambda: status(user)["ready"] is True)

        # A shell without the variable keeps what the gateway has.
        assert user.planoai("reload").returncode == 0
        assert chat(port) == 200


def test_listeners_come_and_go(user: Shell) -> None:
    first, second = free_port(), free_port()
    user.write(config(first))
    assert user.planoai("up", "--workers", "1").returncode == 0

    user.write(config(second).replace("name: llm", "name: other"))
    result = user.planoai("reload")
    reply = ask(f"http://127.0.0.1:{second}/readyz")

    assert result.returncode == 0, result.stderr
    assert reply is not None
    assert reply.status == 200
    assert f"http://127.0.0.1:{second}" in result.stdout


def test_a_port_that_is_taken_is_refused_by_name_before_anything_changes(served: tuple[Shell, int]) -> None:
    user, _ = served
    admin = status(user)["ports"]["admin"]
    user.write(config(admin))

    result = user.planoai("reload")

    assert result.returncode == 1
    assert f"port {admin} is in use" in flat(result.stderr)
    assert status(user)["ready"] is True


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("model_providers:", "overrides: {max_body_bytes: 99000000}\nmodel_providers:", "max_body_bytes"),
        ("name: llm", "name: renamed", "listener 'llm' cannot change its name"),
    ],
)
def test_what_cannot_change_while_running_is_refused(served: tuple[Shell, int], old: str, new: str, named: str) -> None:
    user, port = served
    user.write(config(port).replace(old, new))

    result = user.planoai("reload")

    assert result.returncode == 1
    assert named in result.stderr
    assert "planoai down" in result.stderr
    assert status(user)["ready"] is True


def test_what_envoy_refuses_is_undone(user: Shell) -> None:
    port = free_port()
    with ScriptedProvider("openai.chat", key="sk-a") as provider:
        good = config(port, key="sk-a", provider=provider.url)
        user.write(good)
        assert user.planoai("up", "--workers", "1").returncode == 0

        garbage = user.write("no certificate", "ca.pem")
        other = "  - {model: openai/gpt-4o-mini, access_key: k, base_url: https://127.0.0.1:9/v1}\n"
        user.write(good + other + f"overrides: {{upstream_tls_ca_path: {garbage}}}\n")
        result = user.planoai("reload")

        assert result.returncode == 1
        assert "Envoy refused the new cds.yaml" in result.stderr
        assert chat(port) == 200
        assert status(user)["config"] == {"file": str(user.folder / "config.yaml"), "generation": 1}
        assert status(user)["ready"] is True

        user.write(good)
        assert "generation 3" in user.planoai("reload").stdout
        assert chat(port) == 200


def test_another_file_may_take_over(user: Shell) -> None:
    port = free_port()
    user.write(config(port))
    assert user.planoai("up", "--workers", "1").returncode == 0

    other = user.write(config(port), "other.yaml")
    assert user.planoai("reload", "other.yaml").returncode == 0

    assert status(user)["config"] == {"file": str(other), "generation": 2}


def test_reload_of_nothing_is_an_error(user: Shell) -> None:
    result = user.planoai("reload")

    assert result.returncode == 1
    assert "nothing runs" in result.stderr

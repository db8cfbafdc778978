"""`up`, `status`, `logs` and `down` against a real Envoy."""

import contextlib
import json
import os
import shutil
import signal
import socket
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from planoai.home import Home
from planoai.probe import ask
from planoai.supervise import is_supervisor, strays
from tests.cli.commands import Shell, config, flat, shell
from tests.support.gateway import until
from tests.support.ports import free_port

pytestmark = pytest.mark.envoy


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Shell, int]]:
    """One gateway for all tests that only look."""
    with shell(tmp_path_factory.mktemp("running")) as user:
        port = free_port()
        user.write(config(port, key="$SECRET_KEY"))
        result = user.planoai("up", "--workers", "2", SECRET_KEY="sk-from-environment")
        assert result.returncode == 0, result.stdout + result.stderr
        assert f"llm  http://127.0.0.1:{port}" in result.stdout
        yield user, port


def status(user: Shell) -> dict[str, object]:
    found: dict[str, object] = json.loads(user.planoai("status", "--json").stdout)
    return found


def processes(user: Shell) -> dict[str, int]:
    found = json.loads(user.planoai("status", "--json").stdout)["processes"]
    return {process["name"]: process["pid"] for process in found if process["state"] == "RUNNING"}


def test_status_tells_all_there_is(running: tuple[Shell, int]) -> None:
    user, port = running

    found = json.loads(user.planoai("status", "--json").stdout)

    assert found["ready"] is True
    assert found["home"] == str(user.home)
    assert found["config"] == {"file": str(user.folder / "config.yaml"), "generation": 1}
    url = f"http://127.0.0.1:{port}"
    assert found["listeners"] == [
        {"name": "llm", "type": "model", "address": "127.0.0.1", "port": port, "url": url, "ready": True}
    ]
    assert [process["name"] for process in found["processes"]] == ["envoy", "worker-0", "worker-1"]
    assert found["workers"] == 2
    assert set(found["ports"]) == {"admin", "metrics", "trace"}
    assert "Plano is ready" in flat(user.planoai("status").stdout)


def test_healthz_readyz_and_metrics_answer(running: tuple[Shell, int]) -> None:
    user, port = running
    metrics = json.loads(user.planoai("status", "--json").stdout)["ports"]["metrics"]

    urls = (
        f"http://127.0.0.1:{port}/healthz",
        f"http://127.0.0.1:{port}/readyz",
        f"http://127.0.0.1:{metrics}/metrics",
    )
    replies = [ask(url) for url in urls]

    assert [reply.status for reply in replies if reply] == [200, 200, 200]


def test_only_the_listener_and_loopback_ports_are_open(running: tuple[Shell, int]) -> None:
    user, port = running
    ports = json.loads(user.planoai("status", "--json").stdout)["ports"]

    listening = {
        (connection.laddr.ip, connection.laddr.port)
        for process in strays(Home(user.home))
        for connection in process.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    }

    assert listening == {("127.0.0.1", port), ("127.0.0.1", ports["admin"]), ("127.0.0.1", ports["metrics"])}


def test_files_are_private_and_hold_no_secret(running: tuple[Shell, int]) -> None:
    user, _ = running

    for path in (user.home / "run").rglob("*"):
        # What a worker writes for a moment only may be gone.
        with contextlib.suppress(FileNotFoundError):
            mode = path.lstat().st_mode
            assert not mode & 0o077, f"{path} {stat.filemode(mode)}"
            if stat.S_ISREG(mode):
                assert b"sk-from-environment" not in path.read_bytes(), path


def test_no_secret_is_on_a_command_line_or_in_envoys_configuration(running: tuple[Shell, int]) -> None:
    user, _ = running
    admin = json.loads(user.planoai("status", "--json").stdout)["ports"]["admin"]

    dump = ask(f"http://127.0.0.1:{admin}/config_dump")

    assert dump is not None
    assert b"sk-from-environment" not in dump.body
    assert not any("sk-from-environment" in " ".join(process.cmdline()) for process in strays(Home(user.home)))


def test_a_second_up_is_refused_and_says_what_to_do(running: tuple[Shell, int]) -> None:
    user, _ = running

    result = user.planoai("up", SECRET_KEY="x")

    words = flat(result.stderr)
    assert result.returncode == 1
    assert "a gateway runs already" in words
    assert "planoai reload" in words
    assert "planoai down" in words
    assert status(user)["ready"] is True


def test_another_home_runs_beside_it_but_not_on_its_port(running: tuple[Shell, int], user: Shell) -> None:
    _, port = running
    user.write(config(port))
    refused = user.planoai("up")

    assert refused.returncode == 1
    assert f"listener 'llm': port {port} is in use by envoy" in flat(refused.stderr)
    assert f"PLANO_HOME={running[0].home}" in flat(refused.stderr)

    user.write(config(free_port()))
    assert user.planoai("up", "--workers", "1").returncode == 0
    assert user.planoai("down").returncode == 0
    assert status(running[0])["ready"] is True


def test_logs_show_each_exchange_and_with_debug_the_rest(running: tuple[Shell, int]) -> None:
    user, port = running
    ask(f"http://127.0.0.1:{port}/no/such/path")

    lines = until(lambda: [line for line in user.planoai("logs").stdout.splitlines() if "/no/such/path" in line])
    debug = user.planoai("logs", "--debug").stdout

    assert json.loads(lines[0])["status"] == 404
    assert "[envoy] " in debug
    assert "[access] " in debug


def test_logs_are_followed_until_ctrl_c(running: tuple[Shell, int]) -> None:
    user, port = running
    process = user.start("logs", "--follow", "--lines", "0")
    assert process.stdout is not None
    done = threading.Event()

    def call() -> None:
        while not done.wait(0.2):
            ask(f"http://127.0.0.1:{port}/followed")

    caller = threading.Thread(target=call)
    caller.start()
    try:
        # What was asked before may be written only now.
        found = any(json.loads(line)["path"] == "/followed" for line in process.stdout)
    finally:
        done.set()
        caller.join()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)

    assert found
    assert process.returncode == 0


def test_a_killed_process_comes_back(running: tuple[Shell, int]) -> None:
    user, _ = running
    before = processes(user)

    os.kill(before["worker-1"], signal.SIGKILL)
    os.kill(before["envoy"], signal.SIGKILL)

    def replaced() -> dict[str, int] | None:
        now = processes(user)
        anew = {name for name, pid in now.items() if pid != before.get(name)}
        return now if now.keys() == before.keys() and anew >= {"envoy", "worker-1"} else None

    after = until(replaced, seconds=60)
    assert after is not None
    assert after["worker-0"] == before["worker-0"]
    assert until(lambda: status(user)["ready"], seconds=60)


def test_down_leaves_nothing_running_and_only_logs(user: Shell) -> None:
    user.write(config(free_port()))
    assert user.planoai("up", "--workers", "1").returncode == 0

    result = user.planoai("down")

    assert (result.returncode, result.stdout) == (0, "Stopped\n")
    assert strays(Home(user.home)) == []
    assert [path.name for path in (user.home / "run").iterdir()] == ["logs"]
    assert user.planoai("status").returncode == 1
    assert user.planoai("down").returncode == 0
    assert user.planoai("logs", "--debug").returncode == 0


def test_a_deep_home_has_its_sockets_elsewhere(user: Shell) -> None:
    deep = user.folder / ("deep" * 30)
    user.write(config(free_port()))

    assert user.planoai("up", "--workers", "1", PLANO_HOME=str(deep)).returncode == 0
    sockets = Home(deep).sockets
    assert sockets.parent == Path("/tmp")
    assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
    assert user.planoai("down", PLANO_HOME=str(deep)).returncode == 0
    assert not sockets.exists()
    assert strays(Home(deep)) == []


@pytest.mark.parametrize("damage", ["garbage", "{}", ""])
def test_down_survives_a_state_file_that_cannot_be_read(user: Shell, damage: str) -> None:
    user.write(config(free_port()))
    assert user.planoai("up", "--workers", "1").returncode == 0
    (user.home / "run" / "state.json").write_text(damage)

    assert user.planoai("status").returncode == 1
    assert user.planoai("reload").returncode == 1
    assert user.planoai("down").returncode == 0
    assert strays(Home(user.home)) == []


def test_up_cleans_up_after_a_crash(user: Shell) -> None:
    user.write(config(free_port()))
    assert user.planoai("up", "--workers", "1").returncode == 0
    next(filter(is_supervisor, strays(Home(user.home)))).kill()

    shown = user.planoai("status")
    assert shown.returncode == 1
    assert "nothing watches over them; `planoai down` ends them" in flat(shown.stdout)
    result = user.planoai("up", "--workers", "1")

    assert result.returncode == 0, result.stderr
    assert "ended without `planoai down`" in flat(result.stderr)
    assert user.planoai("down").returncode == 0


def test_down_finds_a_gateway_whose_files_are_gone(user: Shell) -> None:
    user.write(config(free_port()))
    assert user.planoai("up", "--workers", "1").returncode == 0
    shutil.rmtree(user.home)

    refused = user.planoai("up")
    assert refused.returncode == 1
    assert "does not answer" in refused.stderr
    assert user.planoai("down").returncode == 0
    assert strays(Home(user.home)) == []


def test_up_is_not_taken_in_by_files_that_a_reboot_left(user: Shell) -> None:
    user.write(config(free_port()))
    home = Home(user.home)
    home.create()
    # A pid that now belongs to someone else, and a socket that nobody listens on.
    home.state.write_text(json.dumps({"pid": os.getpid()}))
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(home.supervisor_socket))

    assert user.planoai("up", "--workers", "1").returncode == 0
    assert user.planoai("down").returncode == 0


def test_down_says_so_when_nothing_runs(user: Shell) -> None:
    result = user.planoai("down")

    assert (result.returncode, flat(result.stdout)) == (0, f"Nothing runs in {user.home}")


def test_status_of_nothing_is_not_ready(user: Shell) -> None:
    result = user.planoai("status", "--json")

    assert result.returncode == 1
    assert json.loads(result.stdout)["running"] is False


def test_logs_of_nothing_are_an_error(user: Shell) -> None:
    assert user.planoai("logs").returncode == 1


def test_a_file_that_does_not_exist_starts_nothing(user: Shell) -> None:
    result = user.planoai("up", "none.yaml", OPENAI_API_KEY="sk")

    assert result.returncode == 1
    assert "none.yaml" in result.stderr
    assert strays(Home(user.home)) == []


def test_a_file_with_errors_starts_nothing(user: Shell) -> None:
    user.write(config(free_port(), key="$UNSET_KEY") + "colour: blue\n")

    result = user.planoai("up")

    assert result.returncode == 1
    assert "UNSET_KEY" in result.stderr
    assert "colour" in result.stderr
    assert not (user.home / "run").exists()


def test_every_busy_port_is_named(user: Shell) -> None:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
        ports = [one.getsockname()[1], two.getsockname()[1]]
        other = f"  - {{type: model, name: b, port: {ports[1]}}}\n"
        user.write(config(ports[0]).replace("model_providers:", f"{other}model_providers:"))
        result = user.planoai("up")

    assert result.returncode == 1
    assert all(f"port {port} is in use by" in flat(result.stderr) for port in ports)
    assert f"pid {os.getpid()}" in result.stderr


def test_an_envoy_that_dies_at_once_ends_the_start_with_its_last_words(user: Shell) -> None:
    user.write(config(free_port()))
    fake = user.write("#!/bin/sh\necho 'no such luck' >&2\nexit 3\n", "envoy")
    fake.chmod(0o755)

    result = user.planoai("up", "--workers", "1", PLANO_ENVOY=str(fake))

    words = flat(result.stderr)
    assert result.returncode == 1
    assert "envoy ended while the gateway was starting (exit status 3)" in words
    assert "no such luck" in words
    assert strays(Home(user.home)) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_start_that_is_interrupted_leaves_nothing(user: Shell, number: signal.Signals) -> None:
    user.write(config(free_port()))
    fake = user.write("#!/bin/sh\nexec sleep 60\n", "envoy")
    fake.chmod(0o755)
    process = user.start("up", "--workers", "1", PLANO_ENVOY=str(fake))
    assert until(lambda: len(strays(Home(user.home))) >= 3)

    process.send_signal(number)
    said, _ = process.communicate(timeout=60)

    assert process.returncode == 1
    assert "Traceback" not in said
    assert strays(Home(user.home)) == []
    assert [path.name for path in (user.home / "run").iterdir()] == ["logs"]


def test_zero_configuration_serves_on_loopback_for_keys_in_the_environment(user: Shell) -> None:
    port = free_port()

    result = user.planoai("up", "--workers", "1", "--listener-port", str(port), OPENAI_API_KEY="sk-zero")
    found = json.loads(user.planoai("status", "--json").stdout)

    assert result.returncode == 0, result.stderr
    assert "keys found for: openai" in flat(result.stdout)
    assert found["config"]["file"] is None
    assert (found["listeners"][0]["address"], found["listeners"][0]["port"]) == ("127.0.0.1", port)
    assert found["ready"] is True


def test_docker_is_said_to_be_missing(user: Shell) -> None:
    result = user.planoai("up", "--docker")

    assert result.returncode == 1
    assert "docker build" in result.stderr

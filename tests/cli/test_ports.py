import os
import socket
from collections.abc import Iterator

import pytest

from planoai import ports
from planoai.errors import Failure


@pytest.fixture
def busy() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_a_free_port_has_no_problem() -> None:
    assert ports.problem("127.0.0.1", ports.free()) is None


def test_a_busy_port_names_its_holder(busy: int) -> None:
    reason = ports.problem("127.0.0.1", busy)

    assert reason is not None
    words = ports.explain("127.0.0.1", busy, reason)
    assert f"port {busy} is in use by" in words
    assert f"(pid {os.getpid()})" in words


def test_a_port_held_on_loopback_is_busy_for_a_listener_on_all_addresses(busy: int) -> None:
    assert ports.problem("0.0.0.0", busy) is not None


def test_a_port_shared_by_so_reuseport_counts_as_busy() -> None:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind(("127.0.0.1", 0))
        listener.listen()

        assert ports.problem("127.0.0.1", listener.getsockname()[1]) is not None


def test_an_address_that_is_not_ours_is_a_problem() -> None:
    reason = ports.problem("192.0.2.1", 12000)

    assert reason is not None
    assert "192.0.2.1:12000 cannot be opened" in ports.explain("192.0.2.1", 12000, reason)


def test_unset_means_the_usual_port_or_the_next_free_one(busy: int) -> None:
    chosen = ports.choose({}, "PLANO_ADMIN_PORT", busy, ())

    assert busy < chosen < busy + 200


def test_unset_passes_by_ports_that_listeners_take() -> None:
    usual = ports.free()

    assert ports.choose({}, "PLANO_ADMIN_PORT", usual, {usual}) > usual


def test_zero_means_any_free_port() -> None:
    assert ports.problem("127.0.0.1", ports.choose({"PLANO_ADMIN_PORT": "0"}, "PLANO_ADMIN_PORT", 9901, ())) is None


def test_a_number_means_that_port_or_an_error(busy: int) -> None:
    port = ports.free()

    assert ports.choose({"PLANO_ADMIN_PORT": str(port)}, "PLANO_ADMIN_PORT", 9901, ()) == port
    with pytest.raises(Failure, match=f"port {busy} is in use by"):
        ports.choose({"PLANO_ADMIN_PORT": str(busy)}, "PLANO_ADMIN_PORT", 9901, ())
    with pytest.raises(Failure, match="port of a listener"):
        ports.choose({"PLANO_ADMIN_PORT": str(port)}, "PLANO_ADMIN_PORT", 9901, {port})


def test_an_option_goes_before_the_variable_and_is_named(busy: int) -> None:
    port = ports.free()

    assert ports.choose({"PLANO_CONSOLE_PORT": str(busy)}, "PLANO_CONSOLE_PORT", 9093, (), option=port) == port
    with pytest.raises(Failure, match=f"^--port {busy}: port {busy} is in use by") as raised:
        ports.choose({}, "PLANO_CONSOLE_PORT", 9093, (), option=busy)
    assert raised.value.advice == ("free it, or choose --port 0 for any port",)


@pytest.mark.parametrize("text", ["x", "-1", "70000", "80.5"])
def test_what_is_no_port_is_an_error(text: str) -> None:
    with pytest.raises(Failure, match="is not a port"):
        ports.choose({"PLANO_ADMIN_PORT": text}, "PLANO_ADMIN_PORT", 9901, ())

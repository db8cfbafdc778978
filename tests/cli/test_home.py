import stat
import threading
from pathlib import Path

import pytest

from planoai.errors import Failure
from planoai.home import MAX_SOCKET_PATH, Home, home, write


def test_home_is_what_the_environment_names() -> None:
    assert home({"PLANO_HOME": "/srv/plano"}).root == Path("/srv/plano")
    assert home({}).root == Path.home() / ".plano"
    assert home({"PLANO_HOME": "here"}).root == Path.cwd() / "here"


def test_folders_are_private_and_files_too(place: Home) -> None:
    place.create()
    write(place.config, "text")

    assert {stat.S_IMODE(path.stat().st_mode) for path in (place.run, place.logs, place.envoy, place.sockets)} == {
        0o700
    }
    assert stat.S_IMODE(place.config.stat().st_mode) == 0o600
    assert place.config.read_text() == "text"


def test_sockets_lie_in_the_run_folder_where_their_paths_fit() -> None:
    assert Home(Path("/srv/plano")).sockets == Path("/srv/plano/run/sockets")


def test_sockets_of_a_deep_home_lie_in_a_short_folder_of_its_own() -> None:
    deep, other = Home(Path("/srv") / ("d" * 100)), Home(Path("/srv") / ("e" * 100))

    assert len(bytes(deep.worker_socket(255))) <= MAX_SOCKET_PATH
    assert len(bytes(deep.supervisor_socket)) + len(".4194304") <= MAX_SOCKET_PATH
    assert deep.sockets != other.sockets
    assert deep.sockets == Home(deep.root).sockets


def test_a_short_folder_that_belongs_to_someone_else_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    link = tmp_path / "link"
    link.symlink_to(elsewhere)
    monkeypatch.setattr(Home, "sockets", link)

    with pytest.raises(Failure, match="not a folder of yours"):
        Home(tmp_path / "home").create()


def test_clearing_leaves_only_the_logs(place: Home) -> None:
    place.create()
    write(place.config, "text")
    (place.logs / "envoy.log").write_text("words")
    (place.run / "left").mkdir()

    place.clear()

    assert [path.name for path in place.run.iterdir()] == ["logs"]
    assert (place.logs / "envoy.log").read_text() == "words"
    place.clear()


def test_clearing_a_home_that_never_was_is_no_error(tmp_path: Path) -> None:
    Home(tmp_path / "none").clear()


def test_a_home_is_held_by_one_command_at_a_time(tmp_path: Path) -> None:
    place = Home(tmp_path / "home")
    with place.locked(), pytest.raises(Failure, match="another planoai command"), place.locked():
        pass
    with place.locked():
        pass


def test_a_written_file_is_whole_at_any_time(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write(path, "a" * 100_000)
    seen: set[str] = set()
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            seen.add(path.read_text())

    reader = threading.Thread(target=read)
    reader.start()
    for letter in "bcdefgh":
        write(path, letter * 100_000)
    done.set()
    reader.join()

    assert {(len(text), len(set(text))) for text in seen} == {(100_000, 1)}
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_a_folder_that_cannot_be_made_is_named_with_the_variable() -> None:
    with (
        pytest.raises(Failure, match="cannot be kept in /dev/null/plano: ") as raised,
        Home(Path("/dev/null/plano")).locked(),
    ):
        pass
    assert raised.value.advice == ("set PLANO_HOME to a folder that you may write to",)

import itertools
from pathlib import Path

import pytest

from planoai import tail


def test_last_lines_are_the_last(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    path.write_text("".join(f"line {number}\n" for number in range(20_000)))

    assert tail.last_lines(path, 2) == ["line 19998", "line 19999"]
    assert tail.last_lines(path, 0) == []
    assert len(tail.last_lines(path, 30_000)) == 20_000


def test_last_lines_do_not_go_back_before_an_offset(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    path.write_text("before\nafter\n")

    assert tail.last_lines(path, 10, since=len("before\n")) == ["after"]
    assert tail.last_lines(path, 10, since=1000) == ["before", "after"]


def test_a_missing_file_has_no_lines(tmp_path: Path) -> None:
    assert tail.last_lines(tmp_path / "none.log", 5) == []


def follow(paths: list[Path], steps: list[object], *, from_end: bool = True) -> list[str]:
    """Follow files while `steps` are carried out, one between two looks."""
    lines: list[str] = []
    ahead = iter(steps)

    def until() -> bool:
        step = next(ahead, None)
        if callable(step):
            step()
        return step is None

    tail.follow(tail.opened(paths, from_end=from_end), lines.append, until=until)
    return lines


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tail, "_PAUSE", 0)


def append(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


def test_following_shows_what_is_added_in_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    path.write_text("old\n")

    found = follow([path], [lambda: None, lambda: append(path, "a\nb"), lambda: append(path, "c\n")])

    assert found == ["a", "bc"]


def test_following_waits_for_files_that_come_later_and_names_each(tmp_path: Path) -> None:
    first, second = tmp_path / "access.log", tmp_path / "envoy.log"

    found = follow([first, second], [lambda: append(second, "b\n"), lambda: append(first, "a\n")])

    assert found == ["[envoy] b", "[access] a"]


def test_following_goes_on_after_a_file_was_emptied_or_replaced(tmp_path: Path) -> None:
    path, other = tmp_path / "access.log", tmp_path / "other"
    path.write_text("a long line that was there before\n")

    def replace() -> None:
        other.write_text("replaced\n")
        other.replace(path)

    steps = itertools.chain([lambda: None, lambda: path.write_text("emptied\n"), lambda: None, replace, lambda: None])
    found = follow([path], list(steps))

    assert found == ["emptied", "replaced"]

"""The file of a login, which several processes share."""

import multiprocessing
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from plano_extproc.providers.chatgpt import Store, UnreadableTokens
from tests.providers.chatgpt.login import tokens


def test_the_file_and_its_folder_are_private(store: Store) -> None:
    before = os.umask(0)
    try:
        with store.locked():
            store.save(tokens())
    finally:
        os.umask(before)

    assert stat.S_IMODE(store.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(store.path.parent.stat().st_mode) == 0o700
    assert sorted(path.name for path in store.path.parent.iterdir()) == ["auth.json", "lock"]


def test_a_login_replaced_by_another_process_is_seen(store: Store, tmp_path: Path) -> None:
    other = Store(tmp_path)
    assert store.load() is None
    with other.locked():
        other.save(tokens())
    assert store.load() == tokens()
    with other.locked():
        other.save(tokens(account_id="acct-2"))
    assert store.load() == tokens(account_id="acct-2")
    with other.locked():
        assert other.delete()
        assert not other.delete()
    assert store.load() is None


def test_a_login_is_parsed_once_until_it_changes(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    with store.locked():
        store.save(tokens())
    first = store.load()

    def read_text(_path: Path, **_options: object) -> str:
        raise AssertionError("the file was read again")

    monkeypatch.setattr(Path, "read_text", read_text)

    assert store.load() is first


def test_an_unreadable_login_stays_so_until_it_is_replaced(store: Store) -> None:
    store.path.parent.mkdir()
    store.path.write_bytes(b"\xff")
    for _ in range(2):
        with pytest.raises(UnreadableTokens, match="not UTF-8"):
            store.load()
    with store.locked():
        store.save(tokens())

    assert store.load() == tokens()


def _hold(root: Path, is_held: Callable[[], None], until: Callable[[], bool]) -> None:
    with Store(root).locked():
        is_held()
        until()


def test_the_lock_holds_between_processes(store: Store, tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    is_held, may_end = context.Event(), context.Event()
    process = context.Process(target=_hold, args=(tmp_path, is_held.set, may_end.wait))
    process.start()
    try:
        assert is_held.wait(30)
        with store.locked(wait=False) as is_ours:
            assert not is_ours
    finally:
        may_end.set()
        process.join(30)
    with store.locked() as is_ours:
        assert is_ours

"""Several stores on one file in one process, beside other processes that come and go."""

import asyncio
import subprocess
import sys
from pathlib import Path

from plano_extproc.stores import SqliteStore

_OTHER = """
import asyncio, sys
from pathlib import Path
from plano_extproc.stores import SqliteStore

async def main() -> None:
    store = SqliteStore(Path(sys.argv[1]))
    await store.set("key", sys.argv[2].encode())
    await store.close()

asyncio.run(main())
"""


async def test_a_second_store_of_a_process_does_not_give_up_the_locks_of_the_first(tmp_path: Path) -> None:
    path = tmp_path / "shared.sqlite"
    first, second = SqliteStore(path), SqliteStore(path)
    await first.set("key", b"0")
    assert await second.get("key") == b"0"
    for number in range(1, 4):
        command = [sys.executable, "-c", _OTHER, str(path), str(number)]
        await asyncio.to_thread(subprocess.run, command, check=True)

        assert await first.get("key") == await second.get("key") == b"%d" % number
    await first.close()
    await second.close()


async def test_a_file_is_private(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "folder" / "shared.sqlite")
    await store.set("key", b"0")

    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "folder").iterdir()} == {0o600}
    assert (tmp_path / "folder").stat().st_mode & 0o777 == 0o700
    await store.close()

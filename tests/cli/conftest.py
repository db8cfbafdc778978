from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from planoai.home import Home
from tests.cli.commands import Shell, shell


@pytest.fixture
def place() -> Iterator[Home]:
    """A home of its own, shallow enough to hold its sockets."""
    with TemporaryDirectory(prefix="plano-") as folder:
        yield Home(Path(folder) / "home")


@pytest.fixture
def user(tmp_path: Path) -> Iterator[Shell]:
    with shell(tmp_path) as found:
        yield found

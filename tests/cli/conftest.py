from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from planoai.home import Home
from tests.cli.commands import Shell, shell


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave these tests their time: each runs several commands, of which one may take ten seconds on a busy machine."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent) and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(300))


@pytest.fixture
def place() -> Iterator[Home]:
    """A home of its own, shallow enough to hold its sockets."""
    with TemporaryDirectory(prefix="plano-") as folder:
        yield Home(Path(folder) / "home")


@pytest.fixture
def user(tmp_path: Path) -> Iterator[Shell]:
    with shell(tmp_path) as found:
        yield found

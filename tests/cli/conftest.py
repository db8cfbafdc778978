from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.commands import Shell, shell


@pytest.fixture
def user(tmp_path: Path) -> Iterator[Shell]:
    with shell(tmp_path) as found:
        yield found

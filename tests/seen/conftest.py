"""One gateway for all that is looked at."""

from collections.abc import Iterator

import pytest

from tests.seen.stand import Seen
from tests.seen.stand import seen as running


@pytest.fixture(scope="package")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    with running(tmp_path_factory.mktemp("seen") / "home") as found:
        yield found


@pytest.fixture(autouse=True)
def _cleared(seen: Seen) -> Iterator[None]:
    """Leave no answer that was scripted and not asked for to another test."""
    yield
    for provider in (seen.chat, seen.messages, seen.weather, seen.flights):
        provider.clear()

from collections.abc import Iterator

import pytest

from tests.render.stand import Stand, standing


@pytest.fixture(scope="session")
def shared_stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    with standing(tmp_path_factory.mktemp("stand")) as stand:
        yield stand


@pytest.fixture
def stand(shared_stand: Stand) -> Stand:
    """A running gateway with nothing scripted. It is shared: a test that stops or changes parts makes its own."""
    shared_stand.reset()
    return shared_stand

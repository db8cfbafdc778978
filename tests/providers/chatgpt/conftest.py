from collections.abc import Iterator
from pathlib import Path

import pytest

from plano_extproc.providers.chatgpt import Store
from tests.support.chatgpt_issuer import ChatGptIssuer


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


@pytest.fixture
def issuer() -> Iterator[ChatGptIssuer]:
    with ChatGptIssuer() as found:
        yield found

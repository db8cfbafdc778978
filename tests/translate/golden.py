"""Golden files: `<case>.<ext>` is what goes in, `<case>.<dialect>[.<variant>].<ext>` what must come out."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import orjson
import pytest

from plano_extproc.apis import Api

ROOT: Final = Path(__file__).parents[1] / "golden"
OTHER: Final[dict[Api, Api]] = {"openai.chat": "anthropic.messages", "anthropic.messages": "openai.chat"}

Check = Callable[[Path, bytes], None]


@pytest.fixture
def check(request: pytest.FixtureRequest) -> Check:
    """Compare bytes with a golden file, or write it when the run is asked to."""

    def compare(path: Path, made: bytes) -> None:
        if request.config.getoption("--update", default=False):
            path.write_bytes(made)
        assert path.read_bytes() == made

    return compare


def pretty(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def inputs(kind: str, api: Api) -> list[Path]:
    """Return the files that go in."""
    outputs = tuple(f".{dialect}" for dialect in OTHER)
    return sorted(path for path in (ROOT / kind / api).iterdir() if not any(out in path.name for out in outputs))


def beside(path: Path, *words: str) -> Path:
    """Return the file that must come out."""
    name, _, _ = path.name.partition(".")
    return path.with_name(".".join((name, *words)))

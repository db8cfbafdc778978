"""Every shipped example renders to something that Envoy accepts."""

import re
from pathlib import Path

import pytest

from plano_extproc import render, resources
from plano_extproc.config import load, zero_config
from tests.render.test_files import validate

pytestmark = pytest.mark.envoy

EXAMPLES = sorted(resources.path("config/examples").glob("*.yaml"))
VARIABLE_WITHOUT_DEFAULT = re.compile(r"\$(?:([A-Z][A-Z0-9_]*)|\{([A-Z][A-Z0-9_]*)\})")
URLS = {"STATE_DATABASE_URL": "postgres://127.0.0.1/state", "REDIS_URL": "redis://127.0.0.1"}


def complaint(text: str, folder: Path) -> str:
    names = [plain or braced for plain, braced in VARIABLE_WITHOUT_DEFAULT.findall(text)]
    loaded = load(text, environ={**dict.fromkeys(names, "value"), **URLS})
    assert loaded.config is not None, loaded.errors
    built = render.topology(
        loaded.config,
        folder=str(folder),
        workers=["unix:/tmp/plano-w0.sock", "unix:/tmp/plano-w1.sock"],
        admin_port=9901,
        metrics_port=9092,
        access_log="/dev/null",
    )
    return validate(render.static(built), folder)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_envoy_accepts_an_example(example: Path, tmp_path: Path) -> None:
    assert complaint(example.read_text(), tmp_path) == ""


def test_envoy_accepts_the_zero_configuration(tmp_path: Path) -> None:
    assert complaint(zero_config({"OPENAI_API_KEY": "value"}), tmp_path) == ""

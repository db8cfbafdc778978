"""The image works: the Dockerfile's own steps, run in an empty folder and a clean virtual environment."""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from tests.support.ports import free_port

pytestmark = pytest.mark.timeout(900)

ROOT = Path(__file__).parent.parent

CACHES = (".hypothesis", ".import_linter_cache", ".mypy_cache", ".pytest_cache", ".ruff_cache")
"""What others write into while it would be copied."""
CONFIG = """
version: v0.5.0
listeners:
  - {{type: model, name: models, port: {port}}}
model_providers:
  - {{model: openai/gpt-4o, access_key: $IMAGE_TEST_KEY}}
"""


def instructions() -> list[tuple[str, str]]:
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in lines)]


def words(instruction: str) -> list[str]:
    """Return the words of an instruction in the exec form, such as CMD ["a", "b"]."""
    found = next(rest for word, rest in reversed(instructions()) if word == instruction)
    return re.findall(r'"([^"]*)"', found[found.index("[") :])


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run the build stage; return what stands for /opt/plano."""
    folder = tmp_path_factory.mktemp("image")
    source, prefix = folder / "src", folder / "opt"
    ignored = (ROOT / ".dockerignore").read_text().split()
    shutil.copytree(ROOT, source, ignore=lambda at, names: {n for n in names if _is_ignored(Path(at) / n, ignored)})
    build = instructions()[: [word for word, _ in instructions()].index("FROM", 1)]
    env = {"PREFIX": str(prefix), "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "HOME": str(folder)}
    env |= {key: value for key, value in os.environ.items() if key.startswith(("PIP_", "SSL_", "REQUESTS_"))}
    for word, command in build:
        if word == "RUN":
            done = subprocess.run(["/bin/sh", "-c", command], cwd=source, env=env, capture_output=True, text=True)
            assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    shutil.rmtree(source)
    return prefix


def _is_ignored(path: Path, patterns: list[str]) -> bool:
    relative = path.relative_to(ROOT)
    return any(relative.match(pattern.removeprefix("**/")) for pattern in patterns) or relative.name in CACHES


def test_the_image_starts_reports_its_health_and_drains(image: Path, tmp_path: Path) -> None:
    port = free_port()
    config = tmp_path / "plano_config.yaml"
    config.write_text(CONFIG.format(port=port))
    env = {
        "PATH": f"{image}/bin:/usr/bin:/bin",
        "PLANO_HOME": str(tmp_path / "home"),
        "PLANO_ADMIN_PORT": "0",
        "PLANO_METRICS_PORT": "0",
        "IMAGE_TEST_KEY": "sk-image",
    }
    command = [*words("ENTRYPOINT"), *words("CMD")[:-1], str(config)]
    assert words("CMD")[-1] == "/app/plano_config.yaml"
    running = subprocess.Popen(
        command, cwd=tmp_path, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        health = words("HEALTHCHECK")
        deadline = time.monotonic() + 120
        while subprocess.run(health, cwd=tmp_path, env=env, capture_output=True).returncode != 0:
            assert running.poll() is None, running.communicate()[0]
            assert time.monotonic() < deadline, "not healthy within two minutes"
            time.sleep(0.3)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/models", timeout=30) as answer:
            assert b"openai/gpt-4o" in answer.read()
        # Its workers are ready a moment before it is itself; a signal until then breaks off the start.
        assert running.stdout is not None
        assert any("Plano is running" in line for line in running.stdout)
    finally:
        running.send_signal(signal.SIGTERM)
        try:
            output, _ = running.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            running.kill()
            raise

    assert running.returncode == 0, output
    assert "Traceback" not in output
    assert subprocess.run(health, cwd=tmp_path, env=env, capture_output=True).returncode == 1


def test_the_image_runs_without_rights_and_listens_for_its_port() -> None:
    last_stage = dict(instructions())

    assert last_stage["USER"] not in {"root", "0"}
    assert "PLANO_LISTEN_ADDRESS=0.0.0.0" in shlex.split(last_stage["ENV"])

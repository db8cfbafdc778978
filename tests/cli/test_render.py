import subprocess
from pathlib import Path

import pytest
import yaml

from planoai.machine import envoy_path
from tests.cli.commands import CONFIG, KEYS, Shell


def test_one_document_comes_on_stdout_and_envoy_accepts_it(user: Shell) -> None:
    user.write(CONFIG)

    result = user.planoai("render", "--workers", "2", **KEYS)

    assert result.returncode == 0
    resources = yaml.safe_load(result.stdout)["static_resources"]
    assert len([cluster for cluster in resources["clusters"] if cluster["name"].startswith("provider_")]) == 3
    assert f"{user.home}/run/sockets/worker-1.sock" in result.stdout
    _accepts(user.write(result.stdout, "envoy.yaml"))


def test_files_are_written_where_they_are_wanted(user: Shell) -> None:
    user.write(CONFIG)

    result = user.planoai("render", "-o", "out", **KEYS)

    assert result.returncode == 0
    names = sorted(path.name for path in (user.folder / "out").iterdir())
    assert names == ["bootstrap.yaml", "cds.yaml", "lds.yaml", "rds.yaml"]
    assert result.stdout.split() == [f"out/{name}" for name in ("bootstrap.yaml", "cds.yaml", "rds.yaml", "lds.yaml")]
    assert str(user.folder / "out" / "lds.yaml") in (user.folder / "out" / "bootstrap.yaml").read_text()


def test_no_secret_is_rendered(user: Shell) -> None:
    user.write(CONFIG)

    text = user.planoai("render", **KEYS).stdout

    assert not any(secret in text for secret in (*KEYS.values(), "literal"))


def test_ports_are_those_that_the_environment_names(user: Shell) -> None:
    user.write(CONFIG)

    text = user.planoai("render", PLANO_ADMIN_PORT="23456", PLANO_METRICS_PORT="23457", **KEYS).stdout

    assert "23456" in text
    assert "23457" in text


def test_the_snippet_for_an_envoy_of_ones_own_names_the_filter(user: Shell) -> None:
    user.write(CONFIG)

    result = user.planoai("render", "--snippet", "ext-proc", **KEYS)

    assert result.returncode == 0
    assert "envoy.filters.http.ext_proc" in result.stdout
    assert list(yaml.safe_load_all(result.stdout))


def test_a_file_with_errors_renders_nothing(user: Shell) -> None:
    user.write(CONFIG)

    result = user.planoai("render", "-o", "out")

    assert (result.returncode, result.stdout) == (1, "")
    assert not (user.folder / "out").exists()


@pytest.mark.parametrize("name", ["demo.yaml"])
def test_an_example_renders(user: Shell, name: str) -> None:
    example = Path(__file__).parents[2] / "config" / "examples" / name

    result = user.planoai("render", str(example))

    assert result.returncode == 0


def _accepts(path: Path) -> None:
    result = subprocess.run(
        [envoy_path({}), "--mode", "validate", "--disable-hot-restart", "-c", str(path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stderr

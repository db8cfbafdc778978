import pytest

import plano_extproc
from tests.cli.commands import Shell, flat

COMMANDS = ("up", "down", "status", "reload", "logs", "demo", "validate", "render", "explain", "models", "chatgpt")


def test_version_is_the_packages(user: Shell) -> None:
    result = user.planoai("--version")

    assert (result.returncode, result.stdout) == (0, f"planoai {plano_extproc.__version__}\n")


@pytest.mark.parametrize("arguments", [(), ("--help",), ("-h",)])
def test_without_a_command_every_command_is_listed(user: Shell, arguments: tuple[str, ...]) -> None:
    result = user.planoai(*arguments)

    assert result.returncode == 0
    assert all(f" {name} " in result.stdout for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(user: Shell, name: str) -> None:
    result = user.planoai(name, "--help")

    assert result.returncode == 0
    assert f"planoai {name}" in result.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ("bogus",),
        ("--bogus",),
        ("up", "--bogus"),
        ("up", "a.yaml", "b.yaml"),
        ("up", "--workers", "0"),
        ("up", "--listener-port", "70000"),
        ("down", "--drain-seconds", "soon"),
        ("render", "--snippet", "nonsense"),
        ("explain",),
        ("explain", "a", "b", "c"),
    ],
)
def test_wrong_usage_ends_with_2_and_words_on_stderr(user: Shell, arguments: tuple[str, ...]) -> None:
    result = user.planoai(*arguments)

    assert result.returncode == 2
    assert result.stdout == ""
    assert "Error" in result.stderr


def test_options_may_be_written_with_underscores(user: Shell) -> None:
    result = user.planoai("down", "--drain_seconds", "1")

    assert (result.returncode, flat(result.stdout)) == (0, f"Nothing runs in {user.home}")


@pytest.mark.parametrize("level", ["trace", "nonsense", "", "INFO"])
def test_no_log_level_makes_a_command_fail(user: Shell, level: str) -> None:
    assert user.planoai("--help", LOG_LEVEL=level).returncode == 0


def test_a_home_that_cannot_be_made_is_an_error_with_its_name(user: Shell) -> None:
    user.write("", "file")
    user.write("version: v0.5.0\nmodel_providers: [{model: openai/gpt-4o, access_key: k}]\n")

    result = user.planoai("up", PLANO_HOME=str(user.folder / "file" / "home"))

    assert result.returncode == 1
    home = user.folder / "file" / "home"
    assert f"error: the gateway's files cannot be kept in {home}: Not a directory" in result.stderr
    assert str(user.folder / "file") in flat(result.stderr)

import json

import pytest

from tests.cli.commands import CONFIG, KEYS, Shell, flat

BROKEN = """version: v0.5.0
listeners:
  - {type: model, name: llm, port: 12000}
  - {type: model, name: other, port: 12000}
model_providers:
  - model: openai/gpt-4o
    access_key: $NOT_SET_ANYWHERE
    colour: blue
"""


def test_a_valid_file_is_said_to_be_valid(user: Shell) -> None:
    user.write(CONFIG)

    result = user.planoai("validate", **KEYS)

    assert (result.returncode, result.stdout) == (0, "config.yaml is valid\n")


def test_all_problems_are_shown_at_once_with_their_places(user: Shell) -> None:
    user.write(BROKEN)

    result = user.planoai("validate", "config.yaml")

    assert result.returncode == 1
    lines = [line for line in result.stderr.splitlines() if line.startswith("config.yaml:")]
    assert len(lines) >= 3
    assert any(":7:" in line and "NOT_SET_ANYWHERE" in line for line in lines)
    assert any(":8:" in line and "colour" in line for line in lines)
    assert all(": error: " in line for line in lines)


def test_json_holds_the_same_and_stdout_holds_nothing_else(user: Shell) -> None:
    user.write(BROKEN)

    result = user.planoai("validate", "--json")

    found = json.loads(result.stdout)
    assert (result.returncode, found["valid"], found["file"]) == (1, False, "config.yaml")
    assert {"severity", "file", "line", "column", "path", "message", "hint"} == set(found["problems"][0])
    assert {problem["line"] for problem in found["problems"]} >= {7, 8}
    assert result.stderr == ""


def test_json_of_a_valid_file_holds_no_error(user: Shell) -> None:
    user.write(CONFIG)

    result = user.planoai("validate", "--json", **KEYS)

    assert json.loads(result.stdout) == {"file": "config.yaml", "valid": True, "problems": []}


def test_keys_that_have_no_effect_are_warnings_and_no_errors(user: Shell) -> None:
    user.write(CONFIG + "mode: llm\n")

    result = user.planoai("validate", **KEYS)

    assert result.returncode == 0
    assert ": warning: mode: has no effect" in result.stderr
    assert "valid: 1 warning" in result.stdout


@pytest.mark.parametrize(
    "text", ["", "a: [", "- 1\n", "\tx: 1\n", "version: v9.9.9\n", "a: &a [*a]\n", "version: v0.5.0\nversion: v0.5.0\n"]
)
def test_what_is_no_configuration_is_an_error_with_its_file(user: Shell, text: str) -> None:
    user.write(text)

    result = user.planoai("validate", "config.yaml")

    assert result.returncode == 1
    assert "config.yaml" in result.stderr
    assert "error" in result.stderr


def test_a_file_that_does_not_exist_is_an_error(user: Shell) -> None:
    result = user.planoai("validate", "none.yaml", "--json")

    assert result.returncode == 1
    assert json.loads(result.stdout)["valid"] is False
    assert user.planoai("validate", "none.yaml").returncode == 1


def test_a_folder_without_a_configuration_is_an_error_that_names_both_files(user: Shell) -> None:
    result = user.planoai("validate")

    assert result.returncode == 1
    assert "no config.yaml or plano_config.yaml in" in flat(result.stderr)


def test_config_yaml_goes_before_plano_config_yaml(user: Shell) -> None:
    user.write(CONFIG, "sub/plano_config.yaml")
    assert "plano_config.yaml is valid" in flat(user.planoai("validate", "--path", "sub", **KEYS).stdout)

    user.write(CONFIG, "sub/config.yaml")
    assert "sub/config.yaml is valid" in flat(user.planoai("validate", "--path", "sub", **KEYS).stdout)


def test_variables_come_from_the_env_file_beside_the_configuration_too(user: Shell) -> None:
    user.write(CONFIG, "sub/config.yaml")
    user.write('OPENAI_API_KEY="sk-from-file"\nANTHROPIC_API_KEY=sk-ant\n', "sub/.env")

    assert user.planoai("validate", "sub/config.yaml").returncode == 0


def test_no_secret_is_shown(user: Shell) -> None:
    user.write(CONFIG.replace("default: true", "default: maybe"))

    result = user.planoai("validate", OPENAI_API_KEY="sk-very-secret", ANTHROPIC_API_KEY="sk-too")

    assert result.returncode == 1
    assert "sk-" not in result.stdout + result.stderr


def test_colour_is_left_out_where_it_is_not_wanted(user: Shell) -> None:
    user.write(BROKEN)

    assert "\x1b[1;31m" in user.planoai("validate", FORCE_COLOR="1", TERM="xterm").stderr
    assert "31m" not in user.planoai("validate", NO_COLOR="1", FORCE_COLOR="1", TERM="xterm").stderr
    assert "\x1b[" not in user.planoai("validate").stderr

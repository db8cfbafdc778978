"""`planoai init`: templates to begin with, found by words."""

import ast
import json
import re
from pathlib import Path

import pytest

from plano_extproc import resources
from tests.cli.commands import Shell

TEMPLATES = sorted(path for path in resources.path("config/templates").glob("*") if path.suffix in (".yaml", ".py"))


def found(user: Shell, *arguments: str) -> list[str]:
    result = user.planoai("init", *arguments, "--json")
    assert result.returncode == 0, result.stderr
    return [row["id"] for row in json.loads(result.stdout)]


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_every_template_is_right_as_it_is_written(user: Shell, path: Path) -> None:
    result = user.planoai("init", "--template", path.stem)
    assert result.returncode == 0, result.stderr
    if path.suffix == ".py":
        ast.parse((user.folder / "agent.py").read_text())
        return
    text = (user.folder / "config.yaml").read_text()
    assert "#:" not in text
    names = {name: f"value-of-{name}" for name in re.findall(r"\$([A-Z_]+)", text)}
    checked = user.planoai("validate", "config.yaml", "--json", **names)
    assert checked.returncode == 0, checked.stdout
    assert json.loads(checked.stdout)["problems"] == []


@pytest.mark.parametrize(
    ("words", "first"),
    [
        ("governed agent", "governed_planner"),
        ("claude code", "coding_agent_routing"),
        ("PII guardrails", "filter_chain_guardrails"),
        ("remember conversations", "conversational_state_v1_responses"),
        ("budg", "gateway"),
        ("python server", "chat_agent"),
    ],
)
def test_words_lead_to_a_template(user: Shell, words: str, first: str) -> None:
    assert found(user, "--search", words)[0] == first


@pytest.mark.parametrize("words", ["xyzzy", '"; DROP', "*", "NEAR(", ""])
def test_words_that_lead_nowhere_are_no_error(user: Shell, words: str) -> None:
    assert found(user, "--search", words) == []


def test_a_folder_of_the_users_is_searched_too(user: Shell) -> None:
    head = "#: id: house\n#: kind: configuration\n#: title: Our own\n#: words: penguin\n"
    user.write(f"{head}#: version: 1.2.0\nversion: v0.5.0\n", "own/old.yaml")
    user.write(f"{head}#: version: 1.10.0\nversion: v0.5.0\nnew: true\n", "own/new.yaml")
    user.write("no template", "own/other.yaml")
    assert user.planoai("init", "--add-folder", "own").stdout.startswith("2 templates")

    assert found(user, "--search", "penguin") == ["house"]
    assert user.planoai("init", "--template", "house", "-o", "a/b.yaml").returncode == 0
    assert "new: true" in (user.folder / "a" / "b.yaml").read_text()
    assert user.planoai("init", "--template", "house@1.2.0").returncode == 0
    assert (user.folder / "config.yaml").read_text() == "version: v0.5.0\n"
    missing = user.planoai("init", "--template", "house@3")
    assert (missing.returncode, "there are: 1.2.0, 1.10.0" in missing.stderr) == (1, True)
    assert user.planoai("init", "--remove-folder", "own").returncode == 0
    assert found(user, "--search", "penguin") == []
    assert user.planoai("init", "--remove-folder", "own").returncode == 1
    assert user.planoai("init", "--add-folder", "a").returncode == 1


def test_a_template_is_rated(user: Shell) -> None:
    assert user.planoai("init", "--rate", "gateway", "4").returncode == 0
    assert user.planoai("init", "--rate", "gateway", "5").returncode == 0

    rows = json.loads(user.planoai("init", "--list-templates", "--json").stdout)
    assert {row["id"]: row["rating"] for row in rows if row["rating"]} == {"gateway": 5}
    assert user.planoai("init", "--rate", "gateway", "6").returncode == 2
    assert user.planoai("init", "--rate", "nothing", "5").returncode == 1


def test_a_file_that_is_there_is_kept(user: Shell) -> None:
    user.write("mine")

    assert user.planoai("init", "--template", "gateway").returncode == 1
    assert (user.folder / "config.yaml").read_text() == "mine"
    assert user.planoai("init", "--clean", "--force").returncode == 0
    assert (user.folder / "config.yaml").read_text() != "mine"


def test_a_clean_file_is_valid_and_needs_a_model_only(user: Shell) -> None:
    assert user.planoai("init", "--clean").returncode == 0
    path = user.folder / "config.yaml"

    told = user.planoai("validate", "config.yaml")

    assert told.returncode == 0
    assert "names no model" in told.stdout + told.stderr
    path.write_text(path.read_text().replace("[]  # in place of the brackets:", "").replace("#  ", "  "))
    assert user.planoai("validate", "config.yaml", OPENAI_API_KEY="key").returncode == 0


def test_wrong_usage(user: Shell) -> None:
    assert user.planoai("init", "--clean", "--template", "gateway").returncode == 2
    unknown = user.planoai("init", "--template", "gatewy")
    assert (unknown.returncode, "no template 'gatewy'" in unknown.stderr) == (1, True)
    nobody = user.planoai("init")
    assert (nobody.returncode, "nobody is there to choose" in nobody.stderr) == (1, True)

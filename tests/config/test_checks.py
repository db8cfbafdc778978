"""Every check, with a file that it is for: the path and the beginning of what is said."""

import re
import sys
from textwrap import dedent

import pytest

from plano_extproc.config import load
from plano_extproc.config.checks import CHECKS
from tests.config.cases import CASES
from tests.config.cases.words import HEAD
from tests.config.reading import loaded


def _name(check: object) -> str:
    name, module = getattr(check, "__name__", ""), getattr(check, "__module__", "").rpartition(".")[2]
    return f"{name}@{module}" if name == "names_are_unique" else name


def test_every_check_has_a_case() -> None:
    assert set(CASES) == {_name(check) for check in CHECKS}


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [(name, text, expected) for name, cases in CASES.items() for text, expected in cases],
    ids=[f"{name}-{at}" for name, cases in CASES.items() for at in range(len(cases))],
)
def test_a_check_finds_what_it_is_for(
    name: str, text: str, expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    check = next(check for check in CHECKS if _name(check) == name)
    monkeypatch.setattr("plano_extproc.config.checks.CHECKS", (check,))
    monkeypatch.setitem(sys.modules, "botocore", None)
    problems = load(text, environ={}).problems
    found = {f"{one.severity} {one.path}: {one.message}" + (f". {one.hint}" if one.hint else "") for one in problems}
    unmatched = [want for want in expected if not any(one.startswith(want) for one in found)]

    assert (unmatched, len(found)) == ([], len(expected)), found


def test_no_problem_is_said_twice() -> None:
    text = dedent("""
        version: v0.5.0
        listeners: [{name: a, type: model}, {name: a, type: model}, {name: a, type: model}]
    """)
    problems = loaded(text).problems

    assert len(set(problems)) == len(problems)


def test_an_agent_that_is_wrong_is_not_said_to_be_missing() -> None:
    text = HEAD + "agents: [{id: a, url: nowhere}]\n"

    assert [f"{one.severity} {one.path}" for one in loaded(text).problems] == ["error agents[0].url"]


def test_of_many_known_names_the_rest_is_counted() -> None:
    text = HEAD + "model_providers: [{model: zzzz/x, access_key: k}]\n"

    assert re.search(r"Known: amazon_bedrock, .* and \d+ more\. For one", loaded(text).problems[0].hint)

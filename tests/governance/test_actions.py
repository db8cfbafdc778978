"""Which tools an agent may call."""

import pytest

from plano_extproc.config.governance import ForbiddenAction
from plano_extproc.governance import Actions


def forbidding(*names: str) -> Actions:
    return Actions((), [ForbiddenAction(tool=name) for name in names])


@pytest.mark.parametrize(
    "tool",
    ["execute_shell", "Execute_Shell", "executeShell", "execute-shell", "EXECUTE SHELL", "mcp__box__execute_shell",
     "functions.execute_shell", "box/execute_shell", "ExecuteShell", "executeshell", "execute\u200b_shell",
     "\uff45xecute_shell"],
)  # fmt: skip
def test_a_forbidden_name_holds_in_every_spelling(tool: str) -> None:
    refused = forbidding("execute_shell").called(tool, "{}")

    assert refused is not None
    assert refused.tool == tool
    assert refused.rule == "forbidden: execute_shell"


@pytest.mark.parametrize("tool", ["execute_shells", "shell", "read_docs", "execute"])
def test_another_name_is_not_meant(tool: str) -> None:
    assert forbidding("execute_shell").called(tool, "{}") is None


def test_a_star_stands_for_any_letters() -> None:
    actions = forbidding("delete_*")

    assert actions.called("deleteVm", "{}") is not None
    assert actions.called("undelete_vm", "{}") is None


def test_only_what_is_listed_is_allowed_where_a_list_is_given() -> None:
    actions = Actions(["read_*"], [])

    assert actions.called("read_docs", "{}") is None
    assert actions.called("search", "{}") is not None
    assert actions.called("evil__read_docs", "{}") is not None, "an allowed name holds as it is written"


@pytest.mark.parametrize(
    "arguments",
    [
        '{"command": "rm -rf /"}',
        '{"command": ["rm", "-rf", "/"]}',
        '{"a": {"rm -rf": 1}}',
        "rm -rf /",
        '{"a": "rm \\u002drf"}',
    ],
)
def test_a_pattern_is_looked_for_in_every_argument(arguments: str) -> None:
    actions = Actions((), [ForbiddenAction(tool="run", arguments=r"\brm\s+-rf\b")])

    assert actions.called("run", arguments) is not None
    assert actions.called("look", arguments) is None


def test_numbers_are_looked_at_too() -> None:
    actions = Actions((), [ForbiddenAction(arguments="^22$")])

    assert actions.called("connect", '{"port": 22}') is not None
    assert actions.called("connect", '{"port": 80}') is None


def test_a_tool_with_a_pattern_is_still_offered() -> None:
    actions = Actions((), [ForbiddenAction(tool="run", arguments="rm"), ForbiddenAction(tool="ssh")])

    assert actions.offered("run") is None
    assert actions.offered("ssh") is not None


def test_without_rules_nothing_is_refused() -> None:
    actions = Actions((), [])

    assert not actions.has_rules
    assert actions.called("anything", "{}") is None

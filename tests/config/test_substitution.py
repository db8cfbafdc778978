import re
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from plano_extproc.config import environment
from plano_extproc.config.substitution import expand
from tests.config.reading import config_of, errors_of, loaded

ENVIRON = {"NAME": "value", "EMPTY": "", "NESTED": "$NAME", "_X1": "one"}

EXPANSIONS = {
    "plain": "plain",
    "$NAME": "value",
    "${NAME}": "value",
    "a $NAME b ${NAME}c": "a value b valuec",
    "$NAME.txt": "value.txt",
    "$_X1": "one",
    "${MISSING:-other}": "other",
    "${NAME:-other}": "value",
    "${EMPTY:-other}": "other",
    "${MISSING:-}": "",
    "$EMPTY": "",
    "$$": "$",
    "$$NAME": "$NAME",
    "$$$NAME": "$value",
    "$5": "$5",
    "costs $5.00": "costs $5.00",
    "$": "$",
    "a$": "a$",
    "${": "${",
    "${}": "${}",
    "${NAME": "${NAME",
    "${5}": "${5}",
    "$ NAME": "$ NAME",
    "$NESTED": "$NAME",
}


def test_dollars_mean_what_the_table_says() -> None:
    found = {text: expand(text, ENVIRON, {}) for text in EXPANSIONS}

    assert found == {text: (value, []) for text, value in EXPANSIONS.items()}


def test_an_unset_variable_is_an_error_at_its_value() -> None:
    text = """
        version: v0.5.0
        model_providers:
          - model: openai/gpt-4o
            access_key: ${OPENAI_API_KEY}
    """

    assert errors_of(text) == [
        "5:17: error: model_providers[0].access_key: variable OPENAI_API_KEY is not set. Set it in the environment, or "
        "in .env beside the file."
    ]


def test_a_dollar_that_may_be_meant_as_one_gets_a_hint() -> None:
    (error,) = loaded("version: v0.5.0\nsystem_prompt: Answer in $USD only.\n").errors

    assert error.hint.endswith("For the text itself write $$USD.")


def test_every_unset_variable_is_named() -> None:
    text = "version: v0.5.0\nsystem_prompt: $A and ${B} and $A\n"

    assert [problem.message for problem in loaded(text).errors] == [
        "variable A is not set",
        "variable B is not set",
    ]


def test_a_replaced_value_is_never_read_as_yaml() -> None:
    keys = ["123456", "true", "null", "*anchor", "a: b", "- x", "# no comment", "x\ny", "{}"]
    text = "version: v0.5.0\nmodel_providers: [{model: openai/gpt-4o, access_key: $KEY}]\n"
    found = []
    for key in keys:
        secret = config_of(text, {"KEY": key}).model_providers[0].access_key
        found.append(secret.get_secret_value() if secret else None)

    assert found == keys


def test_a_number_may_come_from_a_variable() -> None:
    text = "version: v0.5.0\nlisteners: [{name: a, type: model, port: $PORT, timeout: $T}]\n"
    (listener,) = config_of(text, {"PORT": "8080", "T": "2m"}).listeners

    assert (listener.port, listener.timeout) == (8080, 120.0)


def test_keys_and_comments_are_left_alone() -> None:
    text = """
        version: v0.5.0  # $COMMENT
        model_providers: [{model: openai/gpt-4o, access_key: k}]
        model_aliases: {$ALIAS: {target: gpt-4o}}
    """

    assert list(config_of(text).model_aliases) == ["$ALIAS"]


@given(st.text(), st.dictionaries(st.from_regex(r"[A-Z_]{1,3}", fullmatch=True), st.text(), max_size=4))
@settings(max_examples=150, deadline=None)
def test_text_without_dollars_stays_and_doubled_dollars_are_undone(text: str, environ: dict[str, str]) -> None:
    assert expand(text.replace("$", ""), environ, {}) == (text.replace("$", ""), [])
    assert expand(text.replace("$", "$$"), environ, {}) == (text, [])


@given(st.text(alphabet="$AB{}:- 5", max_size=20))
@settings(max_examples=300, deadline=None)
def test_with_every_name_set_nothing_is_missing_and_values_go_in_once(text: str) -> None:
    environ = dict.fromkeys(re.findall(r"[A-Z]+[A-Z0-9]*", text), "$A${B}")
    value, unset = expand(text, environ, {})

    assert unset == []
    assert expand(text, dict.fromkeys(environ, ""), {})[1] == []
    assert value.count("$A${B}") <= text.count("$") + text.count("A")


def test_the_environment_goes_before_the_file_beside_the_configuration(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("# keys\nA=file\nB=\"quoted # text\"\nexport C=c\nD=$A\nE\nF='x'\n")

    assert environment(tmp_path / "config.yaml", {"A": "process"}) == {
        "A": "process",
        "B": "quoted # text",
        "C": "c",
        "D": "$A",
        "F": "x",
    }


def test_no_file_beside_the_configuration_leaves_the_environment(tmp_path: Path) -> None:
    assert environment(tmp_path / "config.yaml", {"A": "x"}) == {"A": "x"}
    (tmp_path / ".env").mkdir()
    assert environment(tmp_path / "config.yaml", {"A": "x"}) == {"A": "x"}

"""Old files, and what they become. `<case>.migrated.yaml` holds the file in the current shape, problems as comments.

To see a change: `python -m tests.config.test_migrate` writes them anew.
"""

from pathlib import Path

import pytest
import yaml

from plano_extproc.config.document import plain
from plano_extproc.config.migrate import CONVERTERS, CURRENT_VERSION, migrate, version_of
from plano_extproc.config.problem import Report
from plano_extproc.config.reader import read
from tests.config.reading import config_of, errors_of, warnings_of

FOLDER = Path(__file__).parent / "migrations"
CASES = sorted(path for path in FOLDER.glob("*.yaml") if not path.name.endswith(".migrated.yaml"))


def migrated(path: Path) -> str:
    report = Report(path.name)
    root, _ = read(path.read_text(), report)
    assert root is not None
    version = version_of(root, report)
    assert version is not None
    shape = yaml.safe_dump(plain(migrate(root, version, report)), sort_keys=False, width=100)
    comments = "".join(f"# {problem}\n" for problem in report.sorted({}))
    return comments + shape


@pytest.mark.parametrize("path", CASES, ids=[path.stem for path in CASES])
def test_an_old_file_becomes_this(path: Path) -> None:
    assert migrated(path) == path.with_suffix(".migrated.yaml").read_text()


@pytest.mark.parametrize("path", CASES, ids=[path.stem for path in CASES])
def test_an_old_file_loads_without_errors(path: Path) -> None:
    assert config_of(path.read_text()).version == "v0.5.0"


def test_the_converters_lead_from_every_old_version_to_the_current_one() -> None:
    chain = [*CONVERTERS, CURRENT_VERSION]

    assert chain == sorted(chain)
    assert [(major, minor + 1) for major, minor in CONVERTERS] == chain[1:]


def test_old_listeners_bind_all_addresses_and_the_added_one_loopback() -> None:
    text = """
        version: v0.1.0
        listeners: {ingress_traffic: {port: 10000}}
        llm_providers: [{model: openai/x, access_key: k}]
    """
    found = [(one.name, one.type, one.address, one.port) for one in config_of(text).listeners]

    assert found == [
        ("ingress_traffic", "prompt", "0.0.0.0", 10000),
        ("egress_traffic", "model", "127.0.0.1", 12000),
    ]


def test_the_object_form_needs_providers_and_knows_its_keys() -> None:
    text = "version: v0.2.0\nlisteners: {egress: {}, ingress_traffic: 5}\nmodel_providers: []\n"

    assert errors_of(text) == [
        "2:1: error: listeners: this form of listeners needs model_providers. Add at least one provider.",
        "2:13: error: listeners.egress: is an unknown key. Known: egress_traffic, ingress_traffic.",
        "2:42: error: listeners.ingress_traffic: should be a mapping",
    ]


def test_both_names_of_providers_are_an_error() -> None:
    text = "version: v0.4.0\nlisteners: []\nllm_providers: []\nmodel_providers: []\n"

    assert errors_of(text) == [
        "3:1: error: llm_providers: stands beside model_providers, and means the same. Move its entries to "
        "model_providers."
    ]


def test_inline_preferences_on_a_wildcard_are_an_error() -> None:
    text = """\
version: v0.3.0
model_providers:
  - {model: openai/*, access_key: k, routing_preferences: [{name: a, description: b}]}
"""

    assert errors_of(text) == [
        "3:38: error: model_providers[0].routing_preferences: preferences are not allowed on 'openai/*'. Name the "
        "models of each preference at the top level."
    ]


def test_inline_preferences_of_the_wrong_kind_are_errors() -> None:
    text = "version: v0.3.0\nmodel_providers: [{model: openai/x, access_key: k, routing_preferences: {a: b}}]\n"

    assert [error.partition("error: ")[2] for error in errors_of(text)] == [
        "model_providers[0].routing_preferences: should be a list of preferences"
    ]


def test_unknown_keys_that_the_old_schema_rejected_are_errors() -> None:
    text = """
        version: v0.4.0
        listeners: [{name: a, type: model, filter_chain: []}]
        foo: 1
        model_providers: [{model: openai/x, key: k}]
    """

    assert [error.partition("error: ")[2].partition(". ")[0] for error in errors_of(text)] == [
        "listeners[0].filter_chain: is an unknown key",
        "foo: is an unknown key",
        "model_providers[0].key: is an unknown key",
    ]


def test_unknown_overrides_are_warnings_in_old_files_only() -> None:
    text = "version: {}\noverrides: {{typo: 1}}\nmodel_providers: [{{model: openai/x, access_key: k}}]\n"

    assert warnings_of(text.format("v0.4.0")) == [
        "2:13: warning: overrides.typo: is an unknown key in this version and is ignored. Check its spelling."
    ]
    assert len(errors_of(text.format("v0.5.0"))) == 1


if __name__ == "__main__":
    for case in CASES:
        case.with_suffix(".migrated.yaml").write_text(migrated(case))

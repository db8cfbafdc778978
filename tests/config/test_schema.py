"""The JSON Schema and the examples: both are what the models say."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import jsonschema  # type: ignore[import-untyped]  # its stubs are not among our dependencies
import pytest
import yaml
from pydantic import BaseModel

from plano_extproc import resources
from plano_extproc.config import Config, json_schema, load
from plano_extproc.config.schema import SPELLINGS

EXAMPLES = sorted(
    path for path in resources.path("config/examples").glob("*.yaml") if not path.name.startswith("demo")
)  # the variables of demos are filled in by `planoai demo`
MIGRATIONS = sorted(
    path for path in (Path(__file__).parent / "migrations").glob("*.yaml") if ".migrated" not in path.name
)


def _environ(text: str) -> dict[str, str]:
    values = {"STATE_DATABASE_URL": "postgres://db/state", "REDIS_URL": "redis://cache"}
    return {name: values.get(name, f"value-of-{name}") for name in re.findall(r"\$\{?([A-Z_]+)", text)}


@pytest.mark.parametrize("path", EXAMPLES, ids=[path.stem for path in EXAMPLES])
def test_an_example_loads_without_errors(path: Path) -> None:
    result = load(path, environ=_environ(path.read_text()))

    assert result.errors == ()
    assert result.config is not None


@pytest.mark.parametrize("name", ["minimal", "gateway", "wildcard", "passthrough"])
def test_what_works_in_full_has_no_warnings(name: str) -> None:
    path = resources.path(f"config/examples/{name}.yaml")

    assert load(path, environ=_environ(path.read_text())).problems == ()


@pytest.mark.parametrize("path", [*EXAMPLES, *MIGRATIONS], ids=lambda path: path.stem)
def test_the_schema_accepts_what_loads(path: Path) -> None:
    jsonschema.validate(yaml.safe_load(path.read_text()), json_schema())


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"version": "v9"},
        {"version": "v0.5.0", "listners": []},
        {"version": "v0.5.0", "llm_providers": []},
        {"version": "v0.5.0", "listeners": {"egress_traffic": {}}},
        {"version": "v0.5.0", "listeners": [{"name": "a", "type": "mdel"}]},
        {"version": "v0.5.0", "listeners": [{"name": "a", "type": "model", "timeout": "soon"}]},
        {"version": "v0.5.0", "agents": [{"id": "a", "url": []}]},
        {"version": "v0.4.0", "foo": 1},
    ],
)
def test_the_schema_refuses_what_does_not_load(document: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, json_schema())
    assert load(yaml.safe_dump(document), environ={}).config is None


@pytest.mark.parametrize("version", SPELLINGS)
def test_every_spelling_of_the_version_is_the_current_shape(version: str) -> None:
    jsonschema.validate({"version": version, "clients": [{"id": "a", "key": "k"}]}, json_schema())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"version": version, "llm_providers": []}, json_schema())


def test_the_schema_in_the_repository_is_the_models() -> None:
    written = json.loads(resources.path("config/plano_config_schema.json").read_text(encoding="utf-8"))

    assert written == json_schema(), "stale: run python -m plano_extproc.config.json_schema"


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(json_schema())


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for arg in get_args(annotation):
        yield from _models(arg)


def _all_models() -> set[type[BaseModel]]:
    found: set[type[BaseModel]] = set()
    waiting: list[type[BaseModel]] = [Config]
    while waiting:
        model = waiting.pop()
        if model not in found:
            found.add(model)
            waiting.extend(below for info in model.model_fields.values() for below in _models(info.annotation))
    return found


def test_every_key_has_a_description() -> None:
    silent = [f"{model.__name__}.{name}" for model in _all_models() for name, info in model.model_fields.items()
              if not info.description]  # fmt: skip

    assert silent == []


def _used(value: Any) -> Iterator[tuple[type[BaseModel], str]]:
    if isinstance(value, BaseModel):
        for name in value.model_fields_set:
            yield type(value), name
            yield from _used(getattr(value, name))
    elif isinstance(value, (tuple, dict)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _used(item)


def test_the_examples_of_this_version_use_every_key() -> None:
    used: set[tuple[type[BaseModel], str]] = set()
    for path in EXAMPLES:
        text = path.read_text()
        if "version: v0.5.0" in text:
            used |= set(_used(load(path, environ=_environ(text)).config))
    names = {name for _, name in used}
    missing = {f"{model.__name__}.{name}" for model in _all_models() for name in model.model_fields
               if (model, name) not in used and not (model.__name__ in _GUARDS and name in names)}  # fmt: skip

    assert missing == set()


_GUARDS = ("Guard", "Jailbreak", "Pii", "Topics", "Moderation", "Guards")
"""Guards share keys that need not stand in each of them."""

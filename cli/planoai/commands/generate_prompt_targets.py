"""`planoai generate-prompt-targets`: prompt targets from Flask and FastAPI files and from OpenAPI documents."""

import re
import sys
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import rich_click as click
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from plano_extproc.config import load
from planoai.errors import Failure
from planoai.output import diagnose
from planoai.targets import sources
from planoai.targets.operation import Api, fit_name, target

_PYTHON_ENDPOINT = "app_server"
_USUAL_ADDRESS = "127.0.0.1:8000"


class Settings(BaseModel):
    """What a settings file may say. `address` and `protocol` win over what a document says of its servers."""

    model_config = ConfigDict(extra="forbid")

    endpoint: str | None = Field(None, pattern=r"^[a-zA-Z][a-zA-Z0-9_]*$")
    address: str | None = None
    protocol: str | None = Field(None, pattern="^https?$")
    prefix: str | None = Field(None, pattern="^/")
    include: list[str] = ["*"]
    exclude: list[str] = []
    auto_llm_dispatch_on_response: bool | None = None


@click.command("generate-prompt-targets")
@click.option("--file", "--f", "-f", "file", help="A Flask or FastAPI file (.py), or an OpenAPI 3 document.")
@click.option("--path", "folder", help="A folder whose files are read, and those of its folders.")
@click.option("--settings", "settings_file", help="A YAML file: endpoint, address, protocol, prefix, include, exclude.")
def command(file: str | None, folder: str | None, settings_file: str | None) -> None:
    """Write prompt targets for the routes of an API to stdout, as a file that `planoai validate` accepts.

    Python files are only read, never run. Without --file and --path the current folder is read.
    """
    if file is not None and folder is not None:
        raise click.UsageError("give either --file or --path")
    settings = _settings(settings_file)
    apis = [(Path(file), _one(Path(file)))] if file is not None else _all(Path(folder or "."))
    document = _document(apis, settings)
    text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=110)
    loaded = load(text, environ={}, name="prompt targets")
    if loaded.config is None:
        raise Failure("what was read makes no valid prompt targets", quoted=[str(one) for one in loaded.errors])
    sys.stdout.write(text)


def _settings(file: str | None) -> Settings:
    if file is None:
        return Settings()
    try:
        return Settings.model_validate(yaml.safe_load(Path(file).read_text(encoding="utf-8-sig")) or {})
    except (UnicodeDecodeError, yaml.YAMLError):
        raise Failure(f"{file} is no YAML that can be parsed") from None
    except ValidationError as invalid:
        told = [f"{'.'.join(map(str, one['loc'])) or file}: {one['msg']}" for one in invalid.errors()]
        raise Failure(
            f"{file} cannot be used", f"known keys: {', '.join(Settings.model_fields)}", quoted=told
        ) from None


def _one(path: Path) -> Api:
    if not path.is_file():
        raise Failure(f"there is no file {path}")
    try:
        api = sources.read(path)
    except sources.Unreadable as error:
        raise Failure(f"{path} {error}") from None
    if not api.operations:
        raise Failure(f"{path} has no routes that can be called by GET, POST, PUT, PATCH or DELETE")
    return api


def _all(folder: Path) -> list[tuple[Path, Api]]:
    if not folder.is_dir():
        raise Failure(f"there is no folder {folder}")
    found = []
    for path in sources.within(folder):
        try:
            api = sources.read(path)
        except sources.Unreadable as error:
            if "OpenAPI 3" in str(error) or ("parsed" in str(error) and path.suffix == ".py"):
                diagnose("warning", f"{path} {error}")
            continue
        if api.operations:
            found.append((path, api))
    if not found:
        raise Failure(f"no Flask or FastAPI routes and no OpenAPI 3 document in {folder.absolute()}")
    return found


def _document(apis: list[tuple[Path, Api]], settings: Settings) -> dict[str, Any]:
    endpoints: dict[str, Any] = {}
    targets: list[dict[str, Any]] = []
    for path, api in apis:
        for note in api.notes:
            diagnose("note", f"{path}: {note}")
        endpoint = _endpoint(api, settings, endpoints)
        prefix = settings.prefix if settings.prefix is not None else api.prefix
        for operation in api.operations:
            name = fit_name(operation.name, (one["name"] for one in targets))
            if not _is_wanted(name, settings):
                continue
            held = target(operation, endpoint, prefix, name)
            if settings.auto_llm_dispatch_on_response is not None:
                held["auto_llm_dispatch_on_response"] = settings.auto_llm_dispatch_on_response
            targets.append(held)
    if not targets:
        raise Failure("include and exclude leave nothing over", "mend them in the settings file")
    used = {one["endpoint"]["name"] for one in targets}
    return {
        "version": "v0.5.0",
        "listeners": [{"type": "prompt", "name": "prompts", "port": 10000}],
        "endpoints": {name: held for name, held in endpoints.items() if name in used},
        "prompt_targets": targets,
    }


def _is_wanted(name: str, settings: Settings) -> bool:
    is_included = any(fnmatchcase(name, pattern) for pattern in settings.include)
    return is_included and not any(fnmatchcase(name, pattern) for pattern in settings.exclude)


def _endpoint(api: Api, settings: Settings, endpoints: dict[str, Any]) -> str:
    """Return the name of the API's endpoint, which is added where it is new."""
    address = settings.address or api.address
    if not address:
        address = _USUAL_ADDRESS
        if not endpoints:
            diagnose("note", f"nothing says where the API runs; {address} is written", ["set address with --settings"])
    held = {"endpoint": address, "protocol": settings.protocol or api.protocol}
    base = settings.endpoint or (_name(api.address) if api.address else _PYTHON_ENDPOINT)
    name, number = base, 1
    while endpoints.get(name, held) != held:
        number += 1
        name = f"{base}_{number}"
    endpoints[name] = held
    return name


def _name(address: str) -> str:
    plain = re.sub(r"[^a-zA-Z0-9]+", "_", address).strip("_")
    return plain if plain[:1].isalpha() else f"host_{plain}"

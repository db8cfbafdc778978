"""The files that targets are made from: which ones, and what each describes."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml

from planoai.targets import openapi, python_routes
from planoai.targets.operation import Api

DOCUMENTS: Final = frozenset({".json", ".yaml", ".yml"})
_LARGEST: Final = 20_000_000
_PASSED_OVER: Final = frozenset({"node_modules", "__pycache__", "site-packages", "venv", "build", "dist"})


class Unreadable(Exception):
    """A file that describes no API; the message says why."""


def within(folder: Path) -> Iterator[Path]:
    """Return the files of a folder that may describe an API, in order; hidden and installed ones are passed over."""
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.name in _PASSED_OVER or path.is_symlink():
            continue
        if path.is_dir():
            yield from within(path)
        elif path.suffix in (".py", *DOCUMENTS) and path.stat().st_size <= _LARGEST:
            yield path


def read(path: Path) -> Api:
    """Return the API that a file describes. Raises `Unreadable`."""
    if path.suffix not in (".py", *DOCUMENTS):
        raise Unreadable("is neither a Python file (.py) nor an OpenAPI document (.json, .yaml, .yml)")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise Unreadable("is not in UTF-8") from None
    except OSError as error:
        raise Unreadable(f"cannot be read: {error.strerror}") from None
    return _python(text) if path.suffix == ".py" else _document(text, path.suffix)


def _python(text: str) -> Api:
    try:
        api = python_routes.read(text)
    except (SyntaxError, ValueError, RecursionError) as error:
        line = f" (line {error.lineno})" if isinstance(error, SyntaxError) else ""
        raise Unreadable(f"is no Python that can be parsed{line}") from None
    if api is None:
        raise Unreadable("uses neither Flask nor FastAPI")
    return api


def _document(text: str, suffix: str) -> Api:
    try:
        held: Any = json.loads(text) if suffix == ".json" else yaml.safe_load(text)
    except (ValueError, yaml.YAMLError, RecursionError):
        raise Unreadable(f"is no {'JSON' if suffix == '.json' else 'YAML'} that can be parsed") from None
    try:
        return openapi.read(held)
    except openapi.NotUsable as error:
        raise Unreadable(str(error)) from None

"""The configuration that a command works on: found, read with its environment, its problems shown."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from plano_extproc.config import Config, Loaded, environment, load, zero_config
from planoai.errors import Failure
from planoai.problems import print_problems

NAMES = ("config.yaml", "plano_config.yaml")
"""Looked up in this order where no file is named."""


@dataclass(frozen=True, slots=True)
class Source:
    """A configuration's text. `file` is absent for a zero configuration.

    `environ` is the environment of the command, filled up from the `.env` beside the file.
    """

    file: Path | None
    name: str
    text: str
    folder: Path
    environ: Mapping[str, str]
    loaded: Loaded


def locate(file: str | None, folder: str) -> Path | None:
    """Return the file to use, or None when none was named and the folder has none."""
    if file is not None:
        return Path(file)
    return next((path for name in NAMES if (path := Path(folder) / name).is_file()), None)


def find(file: str | None, folder: str) -> Path:
    """Return the file to use; a folder without one is an error."""
    found = locate(file, folder)
    if found is None:
        raise Failure(f"no {' or '.join(NAMES)} in {Path(folder).absolute()}", "name the file, or a folder with --path")
    return found


def read(path: Path, environ: Mapping[str, str], *, beneath: Mapping[str, str] | None = None) -> Source:
    """Read and check a file. Problems, a missing file among them, are in `loaded`.

    A variable is looked up in `environ`, then in the `.env` beside the file, then in `beneath`.
    """
    merged = {**(beneath or {}), **environment(path, environ)}
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        text = ""  # the loader says what is wrong with the file
    return Source(path, str(path), text, path.absolute().parent, merged, load(path, environ=merged))


def zero(folder: str, environ: Mapping[str, str], port: int) -> Source:
    """Make the configuration of a gateway for every provider that has a key in the environment."""
    path = Path(folder) / NAMES[0]
    merged = environment(path, environ)
    text = zero_config(merged, port=port)
    return Source(
        None,
        "zero configuration",
        text,
        path.absolute().parent,
        merged,
        load(text, environ=merged, name="zero configuration"),
    )


def accept(source: Source) -> Config:
    """Show every problem and return the configuration; errors end the command."""
    print_problems(source.loaded.problems)
    if source.loaded.config is None:
        count = len(source.loaded.errors)
        raise Failure(f"{source.name} has {count} error{'s' if count > 1 else ''}; nothing was done")
    return source.loaded.config

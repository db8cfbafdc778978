"""Short ways to load a text and to look at what is wrong in it."""

from textwrap import dedent

from plano_extproc.config import Config, Loaded, load

NO_VARIABLES: dict[str, str] = {}


def loaded(text: str, environ: dict[str, str] | None = None) -> Loaded:
    return load(dedent(text), environ=environ or NO_VARIABLES)


def config_of(text: str, environ: dict[str, str] | None = None) -> Config:
    result = loaded(text, environ)
    assert result.config is not None, "\n".join(map(str, result.problems))
    return result.config


def errors_of(text: str, environ: dict[str, str] | None = None) -> list[str]:
    return [str(problem).removeprefix("config.yaml:") for problem in loaded(text, environ).errors]


def warnings_of(text: str, environ: dict[str, str] | None = None) -> list[str]:
    return [str(problem).removeprefix("config.yaml:") for problem in loaded(text, environ).warnings]

"""Configurations for the tests of routing."""

from plano_extproc.config import Config, load


def config(text: str) -> Config:
    loaded = load(text, environ={})
    assert loaded.config is not None, "\n".join(map(str, loaded.problems))
    return loaded.config

"""Configurations for tests of limits, and what a request is served by."""

from dataclasses import dataclass

from plano_extproc.config import Config, load
from plano_extproc.config.models import ModelProvider
from plano_extproc.limits import Admission

HEAD = """\
version: v0.5.0
model_providers:
  - {model: openai/gpt-4o, access_key: k, default: true}
  - {model: anthropic/claude-sonnet-4-5, access_key: k}
  - {model: anthropic/claude-opus-4-5, name: main, access_key: k}
  - {model: house/llama, provider_interface: openai, base_url: "http://127.0.0.1:1", access_key: k}
"""


@dataclass(frozen=True, slots=True)
class Served:
    provider: ModelProvider
    model: str
    name: str


def config_of(text: str) -> Config:
    loaded = load(HEAD + text, environ={}, name="test")
    assert loaded.config is not None, loaded.errors
    return loaded.config


def admission_of(text: str) -> Admission:
    return Admission.of(config_of(text))


def served(name: str = "openai/gpt-4o") -> Served:
    entry = next(one for one in config_of("").model_providers if one.model == name)
    return Served(entry, entry.model_id, name)

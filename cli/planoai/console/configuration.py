"""The configuration of the running gateway, as it may be shown."""

import os
import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

from plano_extproc import providers
from plano_extproc.config import Config
from plano_extproc.providers.services import services
from planoai import running
from planoai.home import Home

_SECRET: Final = re.compile(
    r"(?:key|token|secret|password|connection_string|authorization|credential)s?$", re.IGNORECASE
)
HIDDEN: Final = "••••••"


def read(home: Home, environ: Mapping[str, str] = os.environ) -> Config | None:
    """Return the configuration that the running gateway began with or reloaded, as far as it can be read."""
    source = running.configuration(home, environ)
    return source.loaded.config if source is not None else None


def shown(config: Config) -> dict[str, Any]:
    """Return what is set, without secrets: those that are declared ones, and values whose names speak of one."""
    found: dict[str, Any] = hidden(config.model_dump(mode="json", exclude_unset=True, by_alias=True))
    return found


def serving(config: Config) -> dict[str, list[str]]:
    """Return by the name of each cluster of Envoy's which models, agents, filters and APIs are behind it."""
    found: dict[str, list[str]] = {}
    timeout = config.overrides.upstream_connect_timeout
    for provider in config.model_providers:
        place = providers.endpoint(provider, default_connect_timeout=timeout)
        found.setdefault(place.cluster, []).append(provider.name)
    for name, service in services(config).items():
        for upstream in service.upstreams:
            found.setdefault(upstream.cluster, []).append(name)
    return found


def hidden(value: Any, name: str = "") -> Any:
    """Return a value of a configuration with every secret in it hidden."""
    if isinstance(value, dict):
        # What headers are called may be shown; what they hold may be a key under any name.
        return {
            key: HIDDEN if name == "headers" and isinstance(item, str) else hidden(item, str(key))
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [hidden(item, name) for item in value]
    if isinstance(value, str):
        return HIDDEN if value and (_SECRET.search(name) or set(value) == {"*"}) else _without_login(value)
    return value


def _without_login(value: str) -> str:
    """Return a URL without user, password and query, any of which may hold a key."""
    if "://" not in value or not ("@" in value or "?" in value):
        return value
    try:
        url = urlsplit(value)
    except ValueError:
        return HIDDEN
    _, at, host = url.netloc.rpartition("@")
    return urlunsplit(url._replace(netloc=f"{HIDDEN}@{host}" if at else host, query=HIDDEN if url.query else ""))

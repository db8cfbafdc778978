"""The configuration for who has none: every well-known provider, with the keys of the environment."""

from collections.abc import Mapping

from plano_extproc.config.catalogue import PROVIDERS, ProviderKind
from plano_extproc.config.migrate import CURRENT


def zero_config(environ: Mapping[str, str], *, port: int = 12000) -> str:
    """Return the YAML text: one model listener on loopback, a wildcard for each provider, those with a key first.

    A provider without a key in `environ` gets the caller's own credential.
    """
    kinds = [kind for kind in PROVIDERS.values() if kind.zero_config]
    keyed = [kind for kind in kinds if kind.env and environ.get(kind.env)]
    lines = [
        f"version: {CURRENT}",
        "listeners:",
        "  - name: llm",
        "    type: model",
        "    address: 127.0.0.1",
        f"    port: {port}",
        "model_providers:",
        *(line for kind in keyed for line in _entry(kind, f"access_key: ${kind.env}")),
        *(line for kind in kinds if kind not in keyed for line in _entry(kind, "passthrough_auth: true")),
    ]
    return "\n".join(lines) + "\n"


def _entry(kind: ProviderKind, credential: str) -> list[str]:
    return [f"  - model: {kind.id}/*", f"    base_url: {kind.base_url}", f"    {credential}"]

"""Where the files that ship with the package lie: Envoy templates, the provider table, schemas, examples."""

from pathlib import Path

_PACKAGE = Path(__file__).parent


def path(name: str) -> Path:
    """Return the path of a shipped file or folder, such as `envoy` or `config/providers.yaml`.

    A wheel carries them inside the package; a checkout has them at its top level.
    """
    packaged = _PACKAGE / "_resources" / name
    return packaged if packaged.exists() else _PACKAGE.parent / name

"""A topology as the files that Envoy reads."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from plano_extproc import headers
from plano_extproc.render import edge, replies, words
from plano_extproc.render.paths import SURFACES, Service
from plano_extproc.render.topology import METRICS, Listener, Topology

ORDER = ("bootstrap.yaml", "cds.yaml", "rds.yaml", "lds.yaml")
"""The order in which a running Envoy must see new files: a cluster before the route to it, a route before its listener."""


def files(topology: Topology) -> dict[str, str]:
    """Return the files by name, in the order in which they must be written."""
    return {name: _render(name.removesuffix(".yaml"), topology, is_static=False) for name in ORDER}


def static(topology: Topology) -> str:
    """Return the same resources as one file, for `envoy --mode validate`, which does not read watched files."""
    return _render("static", topology, is_static=True)


def write(rendered: Mapping[str, str], folder: Path) -> None:
    """Write the files into `folder`, each at once by rename, since Envoy looks at renamed files only.

    They are readable by the owner alone. A file that has not changed is left as it is.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name, text in rendered.items():
        target = folder / name
        if target.exists() and target.read_text(encoding="utf-8") == text:
            continue
        handle, temporary = tempfile.mkstemp(dir=folder, prefix=f".{name}.")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(temporary).replace(target)


def _render(template: str, topology: Topology, *, is_static: bool) -> str:
    metrics = Listener(METRICS, "127.0.0.1", topology.metrics_port, METRICS)
    return words.text(
        template,
        topology=topology,
        listeners=(*topology.listeners, metrics),
        is_static=is_static,
        headers=headers,
        edge=edge,
        replies=replies,
        surfaces=SURFACES,
        Service=Service,
    )

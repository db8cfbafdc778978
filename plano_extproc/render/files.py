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
"""The order in which a running Envoy must see new files: clusters, the routes to them, and their listeners."""


def files(topology: Topology) -> dict[str, str]:
    """Return the files by name, in `ORDER`."""
    return {name: _render(name.removesuffix(".yaml"), topology) for name in ORDER}


def static(topology: Topology) -> str:
    """Return the same resources as one file, for `envoy --mode validate`, which does not read watched files."""
    return _render("static", topology)


def snippet(topology: Topology, kind: str) -> str:
    """Return what another Envoy needs to call the sidecar; `kind` is one of `SNIPPETS`."""
    if kind not in SNIPPETS:
        raise ValueError(f"unknown snippet '{kind}'; there is: {', '.join(SNIPPETS)}")
    return _render(SNIPPETS[kind], topology)


def write(rendered: Mapping[str, str], folder: Path) -> None:
    """Write files into `folder` in their order, each at once by rename: Envoy looks at renamed files only.

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


def _listeners(topology: Topology) -> tuple[Listener, ...]:
    return (*topology.listeners, Listener(METRICS, "127.0.0.1", topology.metrics_port, METRICS))


def _render(template: str, topology: Topology) -> str:
    return words.text(
        template,
        topology=topology,
        listeners=_listeners(topology),
        is_static=template == "static",
        headers=headers,
        edge=edge,
        replies=replies,
        surfaces=SURFACES,
        gates=template not in SNIPPETS.values(),
        Service=Service,
        # A foreign Envoy may be too old to read answers.
        usages=(*USAGES, None) if topology.reads_usage and template not in SNIPPETS.values() else (None,),
    )


USAGES = (
    ("openai.chat", "OPENAI_CHAT_COMPLETIONS"),
    ("openai.responses", "OPENAI_RESPONSES"),
    ("anthropic.messages", "ANTHROPIC_MESSAGES"),
    ("gemini.generate", "GEMINI_GENERATE_CONTENT"),
)
"""The dialects whose answers Envoy can read for what they cost, and its names for them."""

SNIPPETS = {"ext-proc": "snippet_ext_proc"}
"""Kinds of foreign proxies, and the template of each."""

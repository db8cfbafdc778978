"""Envoy's configuration: a `Topology`, and the files made from it by the templates in `envoy/`."""

from plano_extproc.render.build import topology
from plano_extproc.render.files import SNIPPETS, files, snippet, static, write
from plano_extproc.render.topology import Cluster, Listener, Topology

__all__ = ["SNIPPETS", "Cluster", "Listener", "Topology", "files", "snippet", "static", "topology", "write"]

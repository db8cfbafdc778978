"""Envoy's configuration: a `Topology`, and the files made from it by the templates in `envoy/`."""

from plano_extproc.render.files import files, static, write
from plano_extproc.render.topology import Cluster, Listener, Topology

__all__ = ["Cluster", "Listener", "Topology", "files", "static", "write"]

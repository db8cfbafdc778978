"""Which provider entry serves a request, and why."""

from plano_extproc.routing.directory import Choice, Directory

__all__ = ["Choice", "Directory"]

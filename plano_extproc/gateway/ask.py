"""A request as its headers tell it."""

from collections.abc import Mapping
from dataclasses import dataclass

from plano_extproc.gateway.surface import Surface


@dataclass(slots=True)
class Ask:
    """A request as its headers tell it. `query` is without what a client may have put there to prove who it is."""

    listener: str
    surface: Surface
    headers: Mapping[str, bytes]
    query: str

"""A request as its headers tell it."""

from collections.abc import Mapping
from dataclasses import dataclass

from plano_extproc.config.policies import Client
from plano_extproc.gateway.surface import Surface, framing
from plano_extproc.translate.codec import Framing


def among(sent: Mapping[str, bytes], names: frozenset[str]) -> dict[str, bytes]:
    """Return those headers that have one of these names. To ask for each of them would read all headers as often."""
    look = getattr(sent, "among", None)
    found: dict[str, bytes] = look(names) if look else {name: sent[name] for name in sent if name in names}
    return found


def held(sent: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return all headers, for who looks at many of them."""
    look = getattr(sent, "held", None)
    found: dict[str, bytes] = look() if look else dict(sent)
    return found


@dataclass(slots=True)
class Ask:
    """A request as its headers tell it, and who sent it, where that is known.

    `query` is without what a client may have put there to prove who it is.
    """

    listener: str
    surface: Surface
    headers: Mapping[str, bytes]
    query: str
    client: Client | None = None

    @property
    def has_spare_credential(self) -> bool:
        """Whether the usual headers hold a credential that is not the client's key for the gateway."""
        return self.client is None or "x-plano-key" in self.headers

    @property
    def framing(self) -> Framing:
        """How a stream is put to the client, where its dialect has a choice."""
        return framing(self.surface, self.query)

"""Which session a request belongs to: the id that the client gives, or one made from how its conversation begins.

The keys are those of Plano 0.4, so that both can share one Redis while traffic moves from one to the other. Only salted
hashes of prompts are ever kept.

A session has a lane for each model that is asked for, so that a cheap side call under the same id does not take the
main conversation from its model. The first lane has Plano's plain key; every other has a key of its own behind it.
"""

import hashlib
from collections.abc import Generator
from dataclasses import dataclass
from typing import Final

from plano_extproc.routing.binding import Binding, decoded
from plano_extproc.routing.turns import Conversation

KEY_PREFIX: Final = "plano:affinity:"
AFFINITY: Final = "x-model-affinity"
"""Request header with the client's own session id."""

PREFIX_HASH: Final = "x-plano-prefix-hash"
"""Header to the provider: replicas behind one address are chosen by it, so that one of them has the prefix cached."""

_SALT: Final = b"plano-affinity-v1"
_OFFSET: Final = 0xCBF29CE484222325
_PRIME: Final = 0x100000001B3
_MASK: Final = (1 << 64) - 1
_SEPARATOR: Final = 0x1F

_LONGEST_ID: Final = 256
"""Longer ids are kept as a hash: stores need not hold whatever fits into a header."""

_HASHES_KEPT: Final = 1024
_LONGEST_TEXT: Final = 64 * 1024
"""Bytes of a longer text are hashed by a faster function first: Python would block its worker for too long. Only such
sessions have other keys than Plano gives them."""
_hashes: dict[tuple[int, bytes], int] = {}
"""Hashes of long texts, by where they began and a quick digest: Python needs 0.1 ms for each thousand bytes."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A session. `id` may be shown to the client; `prefix_hash` tells whether the prompt's beginning has changed."""

    id: str
    is_explicit: bool
    prefix_hash: int | None
    tenant: str | None = None

    @property
    def key(self) -> str:
        """The key of its first lane in a store."""
        if not self.tenant:
            return KEY_PREFIX + self.id
        # A colon would make one tenant's session look like another's.
        return f"{KEY_PREFIX}{self.tenant.replace(':', '%3A')}:{self.id}"

    def lane_key(self, requested: str) -> str:
        """Return the key of a further lane."""
        return f"{self.key}:lane:{_fed(_fed(_OFFSET, _SALT), requested.encode()):016x}"


@dataclass(frozen=True, slots=True)
class Found:
    """What a store holds for a session's lane. `raw` is what a compare-and-set must find still there."""

    key: str
    raw: bytes | None
    binding: Binding | None


@dataclass(frozen=True, slots=True)
class Hashes:
    """What a conversation begins with."""

    prefix: int
    session: int

    @property
    def header(self) -> str:
        """Return the value of `PREFIX_HASH`."""
        return f"{self.prefix:016x}"


def hashes(conversation: Conversation, tenant: str | None) -> Hashes | None:
    """Return a conversation's hashes; None where no user speaks, since nothing tells it from others then."""
    first = conversation.first_user
    if first is None:
        return None
    state = _fed(_OFFSET, _SALT)
    for field in (tenant or "", conversation.system, ",".join(conversation.tools)):
        state = _fed(state, field.encode("utf-8", "surrogatepass"))
    return Hashes(state, _fed(state, first.encode("utf-8", "surrogatepass")))


def identify(explicit: str | None, found: Hashes | None, tenant: str | None, *, uses_implicit: bool) -> Identity | None:
    """Return the session of a request: the client's own id goes before one that is made."""
    prefix = found.prefix if found else None
    if explicit:
        if len(explicit) > _LONGEST_ID:
            explicit = hashlib.blake2b(explicit.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
        return Identity(explicit, is_explicit=True, prefix_hash=prefix, tenant=tenant)
    if found is None or not uses_implicit:
        return None
    return Identity(f"implicit:{found.session:016x}", is_explicit=False, prefix_hash=prefix, tenant=tenant)


def lookup(identity: Identity, requested: str) -> Generator[str, bytes | None, Found]:
    """Find the lane of a session: yields keys to read, is sent what the store holds, and returns what was found.

    A lane's binding is written under the key that is returned, also where there was none.
    """
    raw = yield identity.key
    binding = decoded(raw)
    if binding is None or binding.requested_model in ("", requested):
        return Found(identity.key, raw, binding)
    key = identity.lane_key(requested)
    raw = yield key
    return Found(key, raw, decoded(raw))


def _fed(state: int, data: bytes) -> int:
    """Return the state of FNV-1a, 64 bit, after a field and the separator that ends it."""
    key = None
    if len(data) > 64:
        key = (state, hashlib.blake2b(data, digest_size=16).digest())
        if (known := _hashes.get(key)) is not None:
            return known
        if len(data) > _LONGEST_TEXT:
            data = key[1]
    for byte in data:
        state = ((state ^ byte) * _PRIME) & _MASK
    state = ((state ^ _SEPARATOR) * _PRIME) & _MASK
    if key is not None:
        if len(_hashes) >= _HASHES_KEPT:
            del _hashes[next(iter(_hashes))]
        _hashes[key] = state
    return state

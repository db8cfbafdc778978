"""What one request wants of the buckets that it falls into, and what is settled when its answer is known."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from plano_extproc.config.models import ModelProvider
from plano_extproc.flow import Headers
from plano_extproc.limits.buckets import Bucket
from plano_extproc.limits.claims import Charge, Claim, Taken
from plano_extproc.limits.refusals import figures, refusal


class Served(Protocol):
    """A model that serves, or is about to: `plano_extproc.routing.Choice` is one."""

    @property
    def provider(self) -> ModelProvider:
        """The provider entry."""

    @property
    def model(self) -> str:
        """The provider's own id of the model."""

    @property
    def name(self) -> str:
        """`provider/model`, as answers and logs name it."""


@dataclass(frozen=True, slots=True)
class Want:
    """An amount, and the bucket that it is wanted from."""

    bucket: Bucket
    amount: int


@dataclass(frozen=True, slots=True)
class Wants:
    """All that a request wants at one moment (seconds since 1970): it gets all of it or is refused."""

    wants: tuple[Want, ...]
    at: float

    @property
    def has_budget(self) -> bool:
        """Whether money is among it."""
        return any(want.bucket.kind == "usd" for want in self.wants)

    def beside(self, held: "Wants | None") -> "Wants":
        """Return what is wanted beyond what is held already."""
        amounts = {want.bucket.key: want.amount for want in held.wants} if held else {}
        more = ((want.bucket, want.amount - amounts.get(want.bucket.key, 0)) for want in self.wants)
        return Wants(tuple(Want(bucket, amount) for bucket, amount in more if amount > 0), self.at)

    def joined(self, other: "Wants") -> "Wants":
        """Return both as one, wanted when this one was."""
        wants = {want.bucket.key: want for want in self.wants}
        for want in other.wants:
            mine = wants.get(want.bucket.key)
            wants[want.bucket.key] = Want(want.bucket, want.amount + (mine.amount if mine else 0))
        return Wants(tuple(wants.values()), self.at)

    def claims(self) -> tuple[Claim, ...]:
        """Return what to ask the store."""
        return tuple(want.bucket.claim(want.amount, self.at) for want in self.wants)

    def granted(self, taken: Taken, claims: tuple[Claim, ...] | None = None) -> Headers:
        """Return the `x-ratelimit-*` headers of the answer. Raises `LimitReached` where the store said no.

        `claims` are those that it was asked; without them they are made again.
        """
        buckets = [want.bucket for want in self.wants]
        claims = claims or self.claims()
        if not taken.is_granted:
            raise refusal(buckets, claims, taken, self.at)
        return figures(buckets, claims, taken, self.at)

    def settled(self, due: "Wants") -> tuple[Charge, ...]:
        """Return the charges that make of what was reserved what is `due`, worked out when the answer ended.

        What is given back leaves the slot that it was taken from; what is due beyond it is counted when it became due.
        """
        reserved = {want.bucket.key: want for want in self.wants}
        wanted = {want.bucket.key: want for want in due.wants}
        return tuple(
            charge
            for key in (reserved | wanted)
            for charge in _difference(reserved.get(key), wanted.get(key), self.at, due.at)
        )


def _difference(reserved: Want | None, due: Want | None, then: float, now: float) -> Iterator[Charge]:
    want = due or reserved
    assert want is not None, "a key comes from one of them"
    amount = (due.amount if due else 0) - (reserved.amount if reserved else 0)
    charge = want.bucket.charge(amount, want.bucket.window.slot(then if amount < 0 else now), now)
    if charge is not None:
        yield charge

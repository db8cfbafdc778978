"""`ratelimits` and the `ratelimit` of a client: which buckets of tokens and requests a request falls into.

An entry is one limit: all models that it matches share it. Its selector names a request header: with a value, the limit
is for requests that carry it; without one or with `*`, every value has a limit of its own, and so have the requests
without that header together, since a caller must not get out of a limit by leaving a header out. The peer's
`x-arch-ratelimit-selector` can add nothing to this: what the file names always applies.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from plano_extproc.config import Config
from plano_extproc.config.policies import Client, ClientRateLimit, RateLimit, RateLimitAmount
from plano_extproc.limits.buckets import Bucket, Kind, key_of
from plano_extproc.limits.estimate import Estimate
from plano_extproc.limits.patterns import ModelNames, names_of
from plano_extproc.limits.wants import Want
from plano_extproc.limits.windows import SECONDS, Rolling

_OUTPUT_SHARE = 10
"""Of a limit at most this part is reserved for an answer: most are far shorter than the request allows them to be."""

_ANY = "*"


@dataclass(frozen=True, slots=True)
class _Rule:
    models: ModelNames
    header: str
    value: bytes | None
    kind: Kind
    amount: int
    per: str


@lru_cache(maxsize=4096)
def _bucket(rule: _Rule, value: bytes) -> Bucket:
    """Return the bucket of a header's value; values are the caller's choice, so those that are kept are bounded."""
    model, shown = rule.models.words[0], "of its own" if rule.value is None else "all together"
    key = key_of("rule", model, rule.header, value.decode("latin-1"), rule.kind, rule.per, shown)
    words = f"the limit of {rule.amount} {rule.kind} per {rule.per} on model {model} by header {rule.header}"
    return Bucket(key, rule.kind, rule.amount, Rolling(SECONDS[rule.per]), words)


class RateLimits:
    """The rate limits of one configuration."""

    def __init__(self, config: Config) -> None:
        # Of two entries for the same the first counts, as with the peer.
        first = {
            (rule.models.words[0], rule.header, rule.value, rule.kind, rule.per): rule for rule in _rules(config)[::-1]
        }
        self._rules = tuple(reversed(first.values()))
        self._clients = {client.id: tuple(_of_client(client)) for client in config.clients}
        self.count_tokens = any(rule.kind == "tokens" for rule in self._rules) or any(
            bucket.kind == "tokens" for buckets in self._clients.values() for bucket in buckets
        )

    def buckets(self, client: Client | None, headers: Mapping[str, bytes], model: str | None) -> Iterator[Bucket]:
        """Yield the buckets that a request for `provider/model` falls into; for None, whichever model it is for."""
        if client is not None:
            yield from self._clients.get(client.id, ())
        for rule in self._rules:
            if rule.models.are_all if model is None else rule.models.match(model):
                value = headers.get(rule.header, b"")
                if rule.value is None or rule.value == value:
                    yield _bucket(rule, value)


def reserved(bucket: Bucket, tokens: Estimate) -> Want:
    """Return what a request wants before it is sent."""
    if bucket.kind == "requests":
        return Want(bucket, 1)
    return Want(bucket, max(1, tokens.input + min(tokens.output, bucket.bound // _OUTPUT_SHARE)))


def _rules(config: Config) -> list[_Rule]:
    return [
        _Rule(names_of(config, (entry.model,)), entry.selector.key, _value(entry), kind, amount, entry.limit.unit)
        for entry in config.ratelimits
        for kind, amount in _amounts(entry.limit)
    ]


def _value(entry: RateLimit) -> bytes | None:
    given = entry.selector.value
    return None if given is None or given == _ANY else given.encode()


def _of_client(client: Client) -> Iterator[Bucket]:
    limit = client.ratelimit
    for kind, amount in _amounts(limit) if limit else ():
        assert limit is not None, "there are amounts"
        words = f"the limit of {amount} {kind} per {limit.per} of client '{client.id}'"
        yield Bucket(key_of("client", client.id, kind, limit.per), kind, amount, Rolling(SECONDS[limit.per]), words)


def _amounts(limit: RateLimitAmount | ClientRateLimit) -> Iterator[tuple[Kind, int]]:
    if limit.requests is not None:
        yield "requests", limit.requests
    if limit.tokens is not None:
        yield "tokens", limit.tokens

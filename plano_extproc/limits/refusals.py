"""The 429 of a limit or a budget, and the `x-ratelimit-*` headers, spelled as OpenAI spells them.

https://platform.openai.com/docs/guides/rate-limits#rate-limits-in-headers. For money, which OpenAI has no header for,
the same three end in `-usd`.
"""

import math
from collections.abc import Sequence

from plano_extproc.errors import RateLimited
from plano_extproc.flow import Headers
from plano_extproc.limits.buckets import NANOS, Bucket
from plano_extproc.limits.claims import Claim, Slots, Taken
from plano_extproc.limits.windows import empty_at, room_at


class LimitReached(RateLimited):
    """A limit or a budget has no room. `headers` say how much there is and when to come again."""

    def __init__(self, message: str, *, code: str, headers: Headers) -> None:
        super().__init__(message, code=code)
        self.headers = headers


def refusal(buckets: Sequence[Bucket], claims: Sequence[Claim], taken: Taken, now: float) -> LimitReached:
    """Return the error for claims that were not granted; of several full buckets, the one that is so longest."""
    full = [
        (_wait(bucket, claim, slots, now), bucket, claim)
        for bucket, claim, slots in zip(buckets, claims, taken.before, strict=True)
        if not claim.fits(_held(slots))
    ]
    wait, bucket, claim = max(full, key=lambda one: one[0])
    headers = (("retry-after", b"%d" % wait), *figures(buckets, claims, taken, now))
    return LimitReached(_message(bucket, claim, wait), code=_CODES[bucket.kind], headers=headers)


def figures(buckets: Sequence[Bucket], claims: Sequence[Claim], taken: Taken, now: float) -> Headers:
    """Return limit, remaining and reset, for each kind the bucket with the least left."""
    tightest: dict[str, tuple[int, Bucket, float]] = {}
    for bucket, claim, slots in zip(buckets, claims, taken.before, strict=True):
        spent = _held(slots) + (claim.amount if taken.is_granted else 0)
        left = max(0, bucket.bound - spent)
        after = (*slots, (claim.slot, claim.amount)) if taken.is_granted else slots
        if bucket.kind not in tightest or left < tightest[bucket.kind][0]:
            tightest[bucket.kind] = (left, bucket, empty_at(bucket.window, after, now) - now)
    return tuple(
        header
        for kind, (left, bucket, reset) in tightest.items()
        for header in (
            (f"x-ratelimit-limit-{kind}", _amount(bucket, bucket.bound)),
            (f"x-ratelimit-remaining-{kind}", _amount(bucket, left)),
            (f"x-ratelimit-reset-{kind}", duration(reset).encode()),
        )
    )


def duration(seconds: float) -> str:
    """Return a length of time as OpenAI writes it: `20ms`, `1.5s`, `6m0s`, `1h0m3s`."""
    whole = max(0, math.ceil(seconds * 1000))
    if whole < 1000:
        return f"{whole}ms"
    minutes, rest = divmod(whole, 60_000)
    hours, minutes = divmod(minutes, 60)
    parts = (f"{hours}h" if hours else "", f"{minutes}m" if hours or minutes else "", f"{rest / 1000:g}s")
    return "".join(parts)


def _wait(bucket: Bucket, claim: Claim, slots: Slots, now: float) -> int:
    """Return whole seconds until there is room; the whole window for what never fits."""
    at = room_at(bucket.window, slots, claim.amount, bucket.bound)
    return max(1, math.ceil((bucket.window.ends(claim.slot) if at is None else at) - now))


def _message(bucket: Bucket, claim: Claim, wait: int) -> str:
    if bucket.kind == "usd":
        return f"{bucket.words} is spent; it begins anew in {duration(wait)}"
    if claim.amount > bucket.bound:
        return f"{bucket.words} can never hold this request of about {claim.amount} {bucket.kind}; send a shorter one"
    return f"{bucket.words} is reached; try again in {duration(wait)}"


def _held(slots: Slots) -> int:
    return sum(count for _, count in slots)


def _amount(bucket: Bucket, count: int) -> bytes:
    return b"%d" % count if bucket.kind != "usd" else f"{count / NANOS:.6f}".rstrip("0").rstrip(".").encode()


_CODES = {"requests": "rate_limit_exceeded", "tokens": "rate_limit_exceeded", "usd": "insufficient_quota"}
"""OpenAI's words."""

"""The store of many nodes: Redis, or DragonflyDB. Every operation that changes something is one command or one script.

A server that is away is asked again after a pause. Until then every call fails at once: no request waits for it.
"""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from plano_extproc.limits.claims import Charge, Claim, Sum, Taken
from plano_extproc.stores.contract import SCANNED, StoreError

T = TypeVar("T")

_SECONDS = 0.5
"""Longest wait for a connection, and for an answer."""

_PAUSE = 1.0
_MISSING = "redis is not installed; run: pip install 'plano-extproc[redis]'"
_PAGE = 500

_SWAP: Final = """
local found = redis.call('GET', KEYS[1])
if ARGV[1] == '0' then
  if found then return 0 end
elseif found ~= ARGV[2] then
  return 0
end
if ARGV[3] == '0' then redis.call('DEL', KEYS[1])
elseif ARGV[5] == '' then redis.call('SET', KEYS[1], ARGV[4])
else redis.call('SET', KEYS[1], ARGV[4], 'PX', ARGV[5]) end
return 1
"""

_ADD: Final = """
for i = 1, #KEYS do
  local found = redis.call('GET', KEYS[i])
  if found and not string.match(found, '^%-?%d+$') then return redis.error_reply('no counter') end
end
local totals = {}
for i = 1, #KEYS do
  local is_new = redis.call('EXISTS', KEYS[i]) == 0
  totals[i] = redis.call('INCRBY', KEYS[i], ARGV[2 * i - 1])
  if is_new and ARGV[2 * i] ~= '' then redis.call('PEXPIRE', KEYS[i], ARGV[2 * i]) end
end
return totals
"""

_TAKE: Final = """
local granted, before = 1, {}
for i = 1, #KEYS do
  local at = 5 * (i - 1)
  local since, amount, bound = tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4])
  local flat, held, slots = redis.call('HGETALL', KEYS[i]), 0, {}
  for j = 1, #flat, 2 do
    if tonumber(flat[j]) >= since then
      held = held + tonumber(flat[j + 1])
      slots[#slots + 1] = flat[j]
      slots[#slots + 1] = flat[j + 1]
    else
      redis.call('HDEL', KEYS[i], flat[j])
    end
  end
  if held + amount > bound then granted = 0 end
  before[i] = slots
end
if granted == 1 then
  for i = 1, #KEYS do
    local at = 5 * (i - 1)
    redis.call('HINCRBY', KEYS[i], ARGV[at + 1], ARGV[at + 3])
    redis.call('PEXPIRE', KEYS[i], ARGV[at + 5])
  end
end
return {granted, before}
"""

_CHARGE: Final = """
for i = 1, #KEYS do
  redis.call('HINCRBY', KEYS[i], ARGV[3 * i - 2], ARGV[3 * i - 1])
  if redis.call('PTTL', KEYS[i]) < tonumber(ARGV[3 * i]) then redis.call('PEXPIRE', KEYS[i], ARGV[3 * i]) end
end
"""

_SLOTS: Final = "slots:"
"""Before the keys of slots, which in one Redis share a space with all others."""


class RedisStore:
    """A server by its `redis://`, `rediss://` or `unix://` URL. Nothing is connected before the first operation.

    Raises `StoreError` where the client library is missing, or for a URL that it cannot read.
    """

    def __init__(self, url: str, *, pause: float = _PAUSE, clock: Callable[[], float] = time.monotonic) -> None:
        try:
            from redis import asyncio as client
            from redis.asyncio.retry import Retry
            from redis.backoff import NoBackoff
            from redis.exceptions import RedisError
        except ImportError:
            raise StoreError(_MISSING) from None
        try:
            # One more try, for a connection that the server has closed meanwhile.
            self._redis: Any = client.Redis.from_url(
                url, socket_timeout=_SECONDS, socket_connect_timeout=_SECONDS, retry=Retry(NoBackoff(), 1)
            )
        except ValueError as error:
            raise StoreError(f"the Redis URL cannot be read: {error}") from None
        self._errors = (RedisError, OSError, TimeoutError)
        self._name = urlsplit(url).hostname or "redis"
        self._pause = pause
        self._clock = clock
        self._away_until = 0.0
        self._scripts = {text: self._redis.register_script(text) for text in (_SWAP, _ADD, _TAKE, _CHARGE)}

    async def get(self, key: str) -> bytes | None:
        """Return a value."""
        found: bytes | None = await self._ask(lambda: self._redis.get(key))
        return found

    async def many(self, keys: Sequence[str]) -> list[bytes | None]:
        """Return values."""
        if not keys:
            return []
        found: list[bytes | None] = await self._ask(lambda: self._redis.mget(keys))
        return found

    async def set(self, key: str, value: bytes, ttl: float | None = None) -> None:
        """Keep a value."""
        await self._ask(lambda: self._redis.set(key, value, px=None if ttl is None else _ms(ttl)))

    async def put(self, values: Mapping[str, bytes], ttl: float | None = None) -> None:
        """Keep values."""

        async def told() -> None:
            async with self._redis.pipeline(transaction=True) as pipe:
                for key, value in values.items():
                    pipe.set(key, value, px=None if ttl is None else _ms(ttl))
                await pipe.execute()

        await self._ask(told)

    async def renew(self, keys: Sequence[str], ttl: float) -> None:
        """Let values live on."""

        async def told() -> None:
            async with self._redis.pipeline(transaction=True) as pipe:
                for key in keys:
                    pipe.pexpire(key, _ms(ttl))
                await pipe.execute()

        await self._ask(told)

    async def delete(self, key: str) -> bool:
        """Forget a value."""
        return bool(await self._ask(lambda: self._redis.delete(key)))

    async def swap(self, key: str, old: bytes | None, new: bytes | None, ttl: float | None = None) -> bool:
        """Replace exactly `old`."""
        arguments = [
            int(old is not None),
            old or b"",
            int(new is not None),
            new or b"",
            "" if ttl is None else _ms(ttl),
        ]
        return bool(await self._run(_SWAP, [key], arguments))

    async def add(self, sums: Sequence[Sum]) -> list[int]:
        """Add to counters."""
        arguments = [value for one in sums for value in (one.amount, "" if one.ttl is None else _ms(one.ttl))]
        totals: list[int] = await self._run(_ADD, [one.key for one in sums], arguments)
        return totals

    async def scan(self, prefix: str, *, first: str = "", limit: int = SCANNED) -> list[tuple[str, bytes]]:
        """Return entries in order. Redis knows no order, so it is asked for all keys with the prefix."""
        pattern = "".join(f"\\{char}" if char in "*?[]^-\\" else char for char in prefix) + "*"

        async def matching() -> list[bytes]:
            return [key async for key in self._redis.scan_iter(match=pattern, count=_PAGE, _type="string")]

        keys = sorted({key for key in await self._ask(matching) if key >= first.encode()})
        found: list[tuple[str, bytes]] = []
        while keys and len(found) < limit:
            page, keys = keys[:_PAGE], keys[_PAGE:]
            values = await self._ask(partial(self._redis.mget, page))
            found += [(key.decode(), value) for key, value in zip(page, values, strict=True) if value is not None]
        return found[:limit]

    async def take(self, claims: Sequence[Claim]) -> Taken:
        """Grant all claims or none."""
        keys = [_SLOTS + one.key for one in claims]
        arguments = [v for one in claims for v in (one.slot, one.since, one.amount, one.bound, _ms(one.ttl))]
        granted, before = await self._run(_TAKE, keys, arguments)
        pairs = (zip(flat[::2], flat[1::2], strict=True) for flat in before)
        return Taken(bool(granted), tuple(tuple(sorted((int(slot), int(n)) for slot, n in flat)) for flat in pairs))

    async def charge(self, charges: Sequence[Charge]) -> None:
        """Add to slots."""
        keys = [_SLOTS + one.key for one in charges]
        await self._run(_CHARGE, keys, [v for one in charges for v in (one.slot, one.amount, _ms(one.ttl))])

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    async def _run(self, script: str, keys: list[str], arguments: list[Any]) -> Any:
        if not keys:
            return [1, []] if script is _TAKE else []
        return await self._ask(lambda: self._scripts[script](keys=keys, args=arguments))

    async def _ask(self, question: Callable[[], Awaitable[T]]) -> T:
        from redis.exceptions import ResponseError

        if self._clock() < self._away_until:
            raise StoreError(f"the Redis at {self._name} was away a moment ago")
        try:
            return await question()
        except ResponseError as error:
            raise StoreError(f"the Redis at {self._name} refuses: {error}") from error
        except self._errors as error:
            self._away_until = self._clock() + self._pause
            raise StoreError(f"the Redis at {self._name} does not answer: {type(error).__name__}") from error


def _ms(seconds: float) -> int:
    return max(1, int(seconds * 1000))

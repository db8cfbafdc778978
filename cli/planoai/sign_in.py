"""Signs in to ChatGPT with a device code: the user types it in a browser, we ask until they have."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from plano_extproc.providers.chatgpt import Tokens
from plano_extproc.providers.chatgpt.issuer import (
    Ask,
    Device,
    Grant,
    Issuer,
    Reply,
    Unreachable,
    read_device,
    read_grant,
    read_tokens,
)

VALID_SECONDS: Final = 15 * 60
"""How long the issuer accepts a device code."""

_PATIENCE: Final = 5
"""Questions in a row that may fail before the sign-in does."""

_SLOWER: Final = 2.0


class TimedOut(Exception):
    """The user did not type the code in time."""


@dataclass(frozen=True, slots=True)
class World:
    """What signing in needs from outside. `clock` is monotonic, `now` counts seconds since 1970."""

    send: Callable[[Ask], Reply]
    clock: Callable[[], float]
    now: Callable[[], float]
    sleep: Callable[[float], None]


def sign_in(issuer: Issuer, world: World, show: Callable[[Device], None]) -> Tokens:
    """Return the tokens of a new login; `show` tells the user their code.

    Raises `IssuerError` and `TimedOut`. Stores nothing.
    """
    device = read_device(world.send(issuer.ask_device()))
    show(device)
    grant = _await_grant(issuer, device, world)
    return read_tokens(world.send(issuer.ask_tokens(grant)), world.now())


def _await_grant(issuer: Issuer, device: Device, world: World) -> Grant:
    deadline = world.clock() + VALID_SECONDS
    interval, failures = device.interval, 0
    while True:
        world.sleep(interval)
        if world.clock() >= deadline:
            raise TimedOut
        try:
            reply = world.send(issuer.ask_grant(device))
            if reply.status == 429:
                interval *= _SLOWER
                continue
            grant = read_grant(reply)
        except Unreachable:
            failures += 1
            # The code is still good when the network or the server recovers.
            if failures >= _PATIENCE:
                raise
            continue
        failures = 0
        if grant is not None:
            return grant

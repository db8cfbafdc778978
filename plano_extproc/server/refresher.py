"""Keeps the stored ChatGPT login fresh while the gateway runs: the rim around `providers.chatgpt.renewal`."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from plano_extproc.providers.chatgpt.issuer import (
    DEFAULT_ISSUER,
    ISSUER_VARIABLE,
    Ask,
    Issuer,
    IssuerError,
    Refused,
    Reply,
)
from plano_extproc.providers.chatgpt.renewal import renew_if_due
from plano_extproc.providers.chatgpt.send import send
from plano_extproc.providers.chatgpt.store import Store
from plano_extproc.providers.chatgpt.tokens import UnreadableTokens

_log = logging.getLogger(__name__)

FIRST_PAUSE: Final = 5.0
LONGEST_PAUSE: Final = 300.0
"""Seconds between two tries while renewing fails."""


def store_of(environ: Mapping[str, str]) -> Store:
    """Return the store of the PLANO_HOME that an environment names."""
    return Store(home_of(environ))


def home_of(environ: Mapping[str, str]) -> Path:
    """Return the PLANO_HOME that an environment names."""
    return Path(environ.get("PLANO_HOME") or "~/.plano").expanduser().absolute()


def issuer_of(environ: Mapping[str, str]) -> Issuer:
    """Return the login server that an environment names. Raises `ValueError` for a URL that will not do."""
    return Issuer(environ.get(ISSUER_VARIABLE) or DEFAULT_ISSUER)


class Refresher:
    """Renews the login of a store when its time has come. Every worker has one; the store's lock lets one renew."""

    def __init__(
        self,
        store: Store,
        issuer: Issuer,
        *,
        now: Callable[[], float] = time.time,
        send: Callable[[Ask], Reply] = send,
    ) -> None:
        self._store = store
        self._issuer = issuer
        self._now = now
        self._send = send
        self._renewal: asyncio.Task[None] | None = None
        self._not_before = 0.0
        self._pause = 0.0

    def tick(self) -> None:
        """Start a renewal if one is due and none is under way. Returns at once; call it from a running event loop."""
        if self._renewal is not None and not self._renewal.done():
            return
        now = self._now()
        if now < self._not_before:
            return
        try:
            tokens = self._store.load()
        except UnreadableTokens:
            # Whoever asks for a model of ChatGPT's is told.
            return
        if tokens is not None and tokens.is_due(now):
            self._renewal = asyncio.create_task(self._renew())

    async def settle(self) -> None:
        """Wait for a renewal that is under way. Its answer must not be lost, since it holds the only good token."""
        if self._renewal is not None:
            await self._renewal

    async def _renew(self) -> None:
        try:
            # In a thread that runs to its end, even if this task is cancelled.
            renewed = await asyncio.to_thread(renew_if_due, self._store, self._issuer, self._now, self._send)
        except Refused as error:
            _log.error("%s; run `planoai chatgpt login`", error)
        except (IssuerError, UnreadableTokens, OSError) as error:
            self._pause = min(max(FIRST_PAUSE, self._pause * 2), LONGEST_PAUSE)
            self._not_before = self._now() + self._pause
            _log.warning("the ChatGPT login is not renewed: %s; next try in %g s", error, self._pause)
        else:
            self._pause = 0.0
            if renewed is not None:
                _log.info("the ChatGPT login is renewed; it holds for %.0f s", renewed.expires_at - self._now())

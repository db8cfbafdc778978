"""Renews a stored login in time."""

from collections.abc import Callable
from dataclasses import replace

from plano_extproc.providers.chatgpt.issuer import Ask, Issuer, Refused, Reply, read_tokens
from plano_extproc.providers.chatgpt.store import Store
from plano_extproc.providers.chatgpt.tokens import Tokens


def renew_if_due(store: Store, issuer: Issuer, now: Callable[[], float], send: Callable[[Ask], Reply]) -> Tokens | None:
    """Renew the login if its time has come, and return it; None where nothing is due or another process is at it.

    The whole exchange is made under the store's lock, and must run to its end: the refresh token is used up by the
    question, and its successor is in the answer. Raises `IssuerError`; after a `Refused` the login is kept without
    its refresh token, so that it serves while it holds and nobody asks again.
    """
    with store.locked(wait=False) as is_ours:
        tokens = store.load() if is_ours else None
        if tokens is None or not tokens.is_due(now()):
            return None
        try:
            renewed = read_tokens(send(issuer.ask_renewal(tokens)), now(), tokens)
        except Refused:
            store.save(replace(tokens, refresh_token=""))
            raise
        store.save(renewed)
        return renewed

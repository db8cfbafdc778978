"""Logins as an issuer gives them, for tests of one of their sides."""

from dataclasses import replace

from plano_extproc.providers.chatgpt import Issuer, Store, Tokens
from plano_extproc.providers.chatgpt.issuer import Ask, Reply
from plano_extproc.providers.chatgpt.renewal import renew_if_due
from plano_extproc.providers.chatgpt.send import send
from tests.support.chatgpt_issuer import ChatGptIssuer, access_token, id_token

NOW = 1_790_000_000.0
DAY = 86_400.0


def tokens(**changes: object) -> Tokens:
    made = Tokens(access_token(0), "refresh-0", id_token(), "acct-1", NOW + 10 * DAY, NOW)
    return replace(made, **changes)  # type: ignore[arg-type]


def kept(store: Store, held: Tokens) -> None:
    with store.locked():
        store.save(held)


def never(ask: Ask) -> Reply:
    raise AssertionError(f"{ask.url} was asked")


def renew(store: Store, issuer: ChatGptIssuer, now: float) -> Tokens | None:
    return renew_if_due(store, Issuer(issuer.url), lambda: now, send)

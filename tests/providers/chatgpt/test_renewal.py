"""Renewing a login that is due."""

from pathlib import Path

import pytest

from plano_extproc.providers.chatgpt import Issuer, IssuerError, Store
from plano_extproc.providers.chatgpt.issuer import Refused
from plano_extproc.providers.chatgpt.renewal import renew_if_due
from tests.providers.chatgpt.login import NOW, kept, never, renew, tokens
from tests.support.chatgpt_issuer import TOKEN, ChatGptIssuer


def test_a_due_login_is_renewed_and_kept(store: Store, issuer: ChatGptIssuer) -> None:
    kept(store, tokens(expires_at=NOW + 100))

    renewed = renew(store, issuer, NOW + 90)

    assert renewed is not None
    assert store.load() == renewed
    assert (renewed.refresh_token, renewed.expires_at) == ("refresh-1", NOW + 90 + 864_000)
    assert issuer.refused == []


def test_nothing_is_asked_before_a_login_is_due(store: Store) -> None:
    assert renew_if_due(store, Issuer(), lambda: NOW, never) is None
    kept(store, tokens())
    assert renew_if_due(store, Issuer(), lambda: NOW, never) is None


def test_nothing_is_asked_while_another_holds_the_login(store: Store, tmp_path: Path) -> None:
    kept(store, tokens(expires_at=NOW + 100))
    with Store(tmp_path).locked():
        assert renew_if_due(store, Issuer(), lambda: NOW + 90, never) is None


def test_a_refused_renewal_keeps_the_access_token_and_is_not_tried_again(store: Store, issuer: ChatGptIssuer) -> None:
    kept(store, tokens(refresh_token="used", expires_at=NOW + 100))

    with pytest.raises(Refused, match="already been used"):
        renew(store, issuer, NOW + 90)

    assert store.load() == tokens(refresh_token="", expires_at=NOW + 100)
    assert renew(store, issuer, NOW + 200) is None
    assert issuer.asked == [TOKEN]


@pytest.mark.parametrize("status", [400, 403, 429, 500, 503])
def test_a_failed_renewal_changes_nothing(store: Store, issuer: ChatGptIssuer, status: int) -> None:
    held = tokens(expires_at=NOW + 100)
    kept(store, held)
    issuer.fail(TOKEN, status, {"error": "temporarily_unavailable"})

    with pytest.raises(IssuerError):
        renew(store, issuer, NOW + 90)

    assert store.load() == held
    assert renew(store, issuer, NOW + 91) is not None

"""A login as the credential of a request."""

import pytest

from plano_extproc.errors import GatewayError, Unauthenticated, Unavailable
from plano_extproc.providers.chatgpt import ChatGptToken, Store, Tokens
from tests.providers.chatgpt.login import DAY, NOW, kept, renew, tokens
from tests.support.chatgpt_issuer import ChatGptIssuer, access_token, jwt


@pytest.fixture
def credential(store: Store) -> ChatGptToken:
    return ChatGptToken(store)


def test_the_stored_login_pays(store: Store, credential: ChatGptToken) -> None:
    kept(store, tokens())

    assert credential.headers(NOW) == (
        ("authorization", f"Bearer {access_token(0)}".encode()),
        ("chatgpt-account-id", b"acct-1"),
    )


def test_an_account_that_is_not_known_is_not_named(store: Store, credential: ChatGptToken) -> None:
    kept(store, tokens(account_id=""))

    assert [name for name, _ in credential.headers(NOW)] == ["authorization"]


def test_a_renewed_login_is_used_at_once(store: Store, credential: ChatGptToken, issuer: ChatGptIssuer) -> None:
    kept(store, tokens(expires_at=NOW + 100))
    credential.headers(NOW + 90)
    renew(store, issuer, NOW + 90)

    assert credential.headers(NOW + 200)[0] == ("authorization", f"Bearer {access_token(1)}".encode())


@pytest.mark.parametrize(
    ("held", "kind", "words"),
    [
        (None, Unauthenticated, "no ChatGPT login is stored; run `planoai chatgpt login`"),
        (tokens(refresh_token=""), Unauthenticated, "cannot be renewed; run `planoai chatgpt login`"),
        (tokens(), Unavailable, "is being renewed; try again"),
    ],
)
def test_a_login_that_does_not_hold_says_what_to_do(
    store: Store, credential: ChatGptToken, held: Tokens | None, kind: type[GatewayError], words: str
) -> None:
    if held:
        kept(store, held)

    with pytest.raises(kind) as caught:
        credential.headers(NOW + 10 * DAY)

    assert words in caught.value.message


def test_a_login_that_cannot_be_read_says_what_to_do(store: Store, credential: ChatGptToken) -> None:
    store.path.parent.mkdir()
    store.path.write_text("{}")

    with pytest.raises(Unauthenticated, match="access_token is missing; run `planoai chatgpt login`"):
        credential.headers(NOW)


CODEX = {"authorization": f"Bearer {access_token(7, account='acct-7')}".encode(), "chatgpt-account-id": b"acct-7"}


def test_the_stored_login_goes_before_the_callers_own(store: Store, credential: ChatGptToken) -> None:
    kept(store, tokens())

    assert credential.headers_for(CODEX, NOW) == credential.headers(NOW)


def test_without_a_stored_login_the_callers_chatgpt_token_is_used(credential: ChatGptToken) -> None:
    assert credential.headers_for(CODEX, NOW) == (
        ("authorization", CODEX["authorization"]),
        ("chatgpt-account-id", b"acct-7"),
    )


def test_the_account_of_a_callers_token_is_read_from_it_or_makes_it_one(credential: ChatGptToken) -> None:
    by_claim = {"authorization": CODEX["authorization"]}
    by_header = {"authorization": b"bearer  opaque", "chatgpt-account-id": b"acct-9"}

    assert credential.headers_for(by_claim, NOW)[1] == ("chatgpt-account-id", b"acct-7")
    assert credential.headers_for(by_header, NOW) == (
        ("authorization", b"Bearer opaque"),
        ("chatgpt-account-id", b"acct-9"),
    )


@pytest.mark.parametrize(
    "request_headers",
    [
        {},
        {"authorization": b"Bearer sk-proj-123"},
        {"authorization": b"Bearer test"},
        {"authorization": b"Bearer " + jwt(sub="of somebody else").encode()},
        {"authorization": b"Basic " + access_token().encode()},
        {"authorization": b"Bearer", "chatgpt-account-id": b"acct-9"},
        {"x-api-key": access_token().encode(), "chatgpt-account-id": b"acct-9"},
    ],
)
def test_any_other_credential_of_the_callers_is_not_sent_to_chatgpt(
    credential: ChatGptToken, request_headers: dict[str, bytes]
) -> None:
    with pytest.raises(Unauthenticated, match="planoai chatgpt login"):
        credential.headers_for(request_headers, NOW)

"""The values of a login: how they are read, kept, and when they are due."""

import pytest

from plano_extproc.providers.chatgpt import Issuer, UnreadableTokens
from plano_extproc.providers.chatgpt.issuer import Reply
from plano_extproc.providers.chatgpt.tokens import granted, parse
from tests.providers.chatgpt.login import DAY, NOW, tokens
from tests.support.chatgpt_issuer import access_token, id_token


def test_a_login_survives_its_file() -> None:
    assert parse(tokens().serialise()) == tokens()


def test_the_peers_file_is_read() -> None:
    text = (
        '{"access_token": "a", "refresh_token": "r", "id_token": "i", "expires_at": 1790000000, "account_id": "acct-9"}'
    )

    found = parse(text)

    assert (found.access_token, found.account_id, found.expires_at) == ("a", "acct-9", NOW)
    assert found.is_due(NOW)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "it is not valid JSON"),
        ("[" * 100_000, "it is not valid JSON"),
        ("[]", "it is no JSON object"),
        ("{}", "access_token is missing"),
        ('{"access_token": 1}', "access_token is no token"),
        ('{"access_token": "a\\nb"}', "access_token is no token"),
        ('{"access_token": "a", "expires_at": "soon"}', "expires_at is no time"),
        ('{"access_token": "a", "expires_at": true}', "expires_at is no time"),
        ('{"access_token": "a", "expires_at": NaN}', "expires_at is no time"),
        ('{"access_token": "a", "expires_at": 1e300}', "expires_at is no time"),
    ],
)
def test_a_login_that_cannot_be_read_says_why(text: str, problem: str) -> None:
    with pytest.raises(UnreadableTokens, match=problem):
        parse(text)


def test_no_secret_shows_in_a_representation() -> None:
    issuer = Issuer()
    shown = repr((tokens(), issuer.ask_renewal(tokens()), Reply(200, b"secret")))

    assert "refresh-0" not in shown
    assert "eyJ" not in shown
    assert "secret" not in shown


def test_the_account_is_read_from_the_claims_of_either_token() -> None:
    by_identity = granted({"access_token": "opaque", "id_token": id_token(account="acct-7")}, NOW)
    by_access = granted({"access_token": access_token(account="acct-8")}, NOW)

    assert by_identity is not None
    assert by_access is not None
    assert (by_identity.account_id, by_access.account_id) == ("acct-7", "acct-8")
    assert (by_identity.email, by_identity.plan) == ("ada@example.com", "plus")
    assert (by_access.email, by_access.plan) == ("", "")


def test_the_end_is_the_issuers_word_or_the_tokens_claim_or_assumed() -> None:
    told = granted({"access_token": access_token(exp=NOW + 50), "expires_in": 3600}, NOW)
    claimed = granted({"access_token": access_token(exp=NOW + 50)}, NOW)
    neither = granted({"access_token": "opaque", "expires_in": "soon"}, NOW)

    assert told is not None
    assert claimed is not None
    assert neither is not None
    assert (told.expires_at, claimed.expires_at, neither.expires_at) == (NOW + 3600, NOW + 50, NOW + 3600)


def test_a_renewal_without_other_tokens_keeps_them() -> None:
    renewed = granted({"access_token": "opaque", "expires_in": 60}, NOW, tokens())

    assert renewed is not None
    assert (renewed.refresh_token, renewed.id_token, renewed.account_id) == ("refresh-0", id_token(), "acct-1")


@pytest.mark.parametrize("answer", [{}, {"access_token": ""}, {"access_token": None}, {"access_token": "a\r\nb: c"}])
def test_an_answer_without_a_usable_access_token_grants_nothing(answer: dict[str, object]) -> None:
    assert granted(answer, NOW, tokens()) is None


@pytest.mark.parametrize("token", ["", "a.b", "a.b.c", "a.!!!.c", "a.W10.c", f"a.{'W1tb' * 50_000}.c"])
def test_a_token_that_is_no_jwt_claims_nothing(token: str) -> None:
    found = granted({"access_token": token or "x"}, NOW)

    assert found is not None
    assert found.account_id == ""


@pytest.mark.parametrize(
    ("lifetime", "due_after"),
    [(10 * DAY, 10 * DAY - 300), (3600, 3300), (400, 200), (100, 60), (0, 60), (-500, 60)],
)
def test_a_login_is_due_before_its_end_and_never_while_it_is_new(lifetime: float, due_after: float) -> None:
    held = tokens(expires_at=NOW + lifetime)

    assert not held.is_due(NOW + due_after - 1)
    assert held.is_due(NOW + due_after)


def test_a_login_without_a_refresh_token_is_never_due() -> None:
    assert not tokens(refresh_token="").is_due(NOW + 100 * DAY)

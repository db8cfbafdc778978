"""The words with the issuer."""

import pytest

from plano_extproc.providers.chatgpt import Issuer, IssuerError
from plano_extproc.providers.chatgpt.issuer import (
    Refused,
    Reply,
    Unreachable,
    read_device,
    read_grant,
    read_tokens,
)
from tests.providers.chatgpt.login import NOW, tokens
from tests.support.chatgpt_issuer import access_token


@pytest.mark.parametrize(
    "url", ["http://auth.openai.com", "ftp://x", "auth.openai.com", "", "https://", "https://a/?b"]
)
def test_an_issuer_that_would_hear_tokens_in_the_clear_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="is no https:// URL"):
        Issuer(url)


def test_form_bodies_are_url_encoded() -> None:
    ask = Issuer("https://issuer.test/").ask_renewal(tokens(refresh_token="a+b/=&c d"))

    assert ask.url == "https://issuer.test/oauth/token"
    assert ask.content_type == "application/x-www-form-urlencoded"
    assert b"refresh_token=a%2Bb%2F%3D%26c+d" in ask.body


@pytest.mark.parametrize(
    ("interval", "pause"),
    [("5", 5), (7, 7), ("0", 1), (-3, 1), ("900", 60), (None, 5), ("soon", 5), ("nan", 5), ("inf", 5), ([], 5)],
)
def test_polling_is_as_slow_as_the_issuer_says_within_reason(interval: object, pause: float) -> None:
    body = f'{{"device_auth_id": "d", "usercode": "C", "interval": {_json(interval)}}}'

    assert read_device(Reply(200, body.encode())).interval == pause


def _json(value: object) -> str:
    return "null" if value is None else f'"{value}"' if isinstance(value, str) else str(value)


def test_pending_is_told_by_403_and_404() -> None:
    assert read_grant(Reply(403, b"")) is None
    assert read_grant(Reply(404, b"{}")) is None


@pytest.mark.parametrize(
    ("status", "body", "kind", "words"),
    [
        (401, b"", Refused, "with status 401"),
        (400, b'{"error": "invalid_grant", "error_description": "gone"}', Refused, "status 400: gone"),
        (400, b'{"error": {"message": "used", "code": "refresh_token_reused"}}', Refused, "status 400: used"),
        (400, b'{"error": "invalid_request"}', IssuerError, "status 400: invalid_request"),
        (403, b'{"detail": "blocked"}', IssuerError, "status 403: blocked"),
        (429, b"slow down", IssuerError, "with status 429"),
        (503, b"<html>", Unreachable, "with status 503"),
        (302, b"", IssuerError, "with status 302"),
        (200, b"<html>", IssuerError, "makes no sense"),
        (200, b"[]", IssuerError, "makes no sense"),
        (200, b'{"token_type": "Bearer"}', IssuerError, "no usable token"),
    ],
)
def test_what_the_issuer_refuses_is_told_apart(status: int, body: bytes, kind: type[IssuerError], words: str) -> None:
    with pytest.raises(IssuerError) as caught:
        read_tokens(Reply(status, body), NOW)

    assert type(caught.value) is kind
    assert words in str(caught.value)


def test_an_error_that_quotes_a_token_is_not_repeated() -> None:
    quoted = access_token()
    body = f'{{"error": {{"message": "bad token {quoted} here\\u001b[31m"}}}}'

    with pytest.raises(IssuerError) as caught:
        read_tokens(Reply(400, body.encode()), NOW)

    assert str(caught.value).endswith("bad token ... here[31m")

"""The stored login: its values, its file, the words with the issuer, its renewal, and its use as a credential."""

import multiprocessing
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from plano_extproc.errors import GatewayError, Unauthenticated, Unavailable
from plano_extproc.providers.chatgpt import ChatGptToken, Issuer, IssuerError, Store, Tokens, UnreadableTokens
from plano_extproc.providers.chatgpt.issuer import (
    Ask,
    Refused,
    Reply,
    Unreachable,
    read_device,
    read_grant,
    read_tokens,
)
from plano_extproc.providers.chatgpt.renewal import renew_if_due
from plano_extproc.providers.chatgpt.send import send
from plano_extproc.providers.chatgpt.tokens import granted, parse
from tests.support.chatgpt_issuer import TOKEN, ChatGptIssuer, access_token, id_token, jwt
from tests.support.http_server import Close, Head, HttpServer, Raw, Wait
from tests.support.ports import free_port

NOW = 1_790_000_000.0
DAY = 86_400.0


def tokens(**changes: object) -> Tokens:
    made = Tokens(access_token(0), "refresh-0", id_token(), "acct-1", NOW + 10 * DAY, NOW)
    return replace(made, **changes)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


@pytest.fixture
def issuer() -> Iterator[ChatGptIssuer]:
    with ChatGptIssuer() as found:
        yield found


def never(ask: Ask) -> Reply:
    raise AssertionError(f"{ask.url} was asked")


# Values.


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


# The file.


def test_the_file_and_its_folder_are_private(store: Store) -> None:
    before = os.umask(0)
    try:
        with store.locked():
            store.save(tokens())
    finally:
        os.umask(before)

    assert stat.S_IMODE(store.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(store.path.parent.stat().st_mode) == 0o700
    assert sorted(path.name for path in store.path.parent.iterdir()) == ["auth.json", "lock"]


def test_a_login_replaced_by_another_process_is_seen(store: Store, tmp_path: Path) -> None:
    other = Store(tmp_path)
    assert store.load() is None
    with other.locked():
        other.save(tokens())
    assert store.load() == tokens()
    with other.locked():
        other.save(tokens(account_id="acct-2"))
    assert store.load() == tokens(account_id="acct-2")
    with other.locked():
        assert other.delete()
        assert not other.delete()
    assert store.load() is None


def test_a_login_is_parsed_once_until_it_changes(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    with store.locked():
        store.save(tokens())
    first = store.load()

    def read_text(_path: Path, **_options: object) -> str:
        raise AssertionError("the file was read again")

    monkeypatch.setattr(Path, "read_text", read_text)

    assert store.load() is first


def test_an_unreadable_login_stays_so_until_it_is_replaced(store: Store) -> None:
    store.path.parent.mkdir()
    store.path.write_bytes(b"\xff")
    for _ in range(2):
        with pytest.raises(UnreadableTokens, match="not UTF-8"):
            store.load()
    with store.locked():
        store.save(tokens())

    assert store.load() == tokens()


def _hold(root: Path, is_held: Callable[[], None], until: Callable[[], bool]) -> None:
    with Store(root).locked():
        is_held()
        until()


def test_the_lock_holds_between_processes(store: Store, tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    is_held, may_end = context.Event(), context.Event()
    process = context.Process(target=_hold, args=(tmp_path, is_held.set, may_end.wait))
    process.start()
    try:
        assert is_held.wait(30)
        with store.locked(wait=False) as is_ours:
            assert not is_ours
    finally:
        may_end.set()
        process.join(30)
    with store.locked() as is_ours:
        assert is_ours


# The words with the issuer.


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


# The way there.


def test_a_redirect_is_not_followed(issuer: ChatGptIssuer) -> None:
    with HttpServer(lambda _request: [Head(307, (("location", issuer.url + TOKEN), ("content-length", "0")))]) as other:
        reply = send(Issuer(f"http://127.0.0.1:{other.port}").ask_renewal(tokens()))

    assert reply.status == 307
    assert issuer.asked == []


def test_an_issuer_that_is_not_there_is_unreachable() -> None:
    with pytest.raises(Unreachable, match="cannot be reached"):
        send(Issuer(f"http://127.0.0.1:{free_port()}").ask_device())


def test_an_issuer_that_does_not_answer_is_left() -> None:
    with (
        HttpServer(lambda _request: [Wait(30), Close()]) as slow,
        pytest.raises(Unreachable, match=r"did not answer within 0\.2 s|timed out"),
    ):
        send(Issuer(f"http://127.0.0.1:{slow.port}").ask_device(), timeout=0.2)


def test_an_issuer_that_speaks_no_http_is_unreachable() -> None:
    with (
        HttpServer(lambda _request: [Raw(b"\x00\xff\r\n\r\n"), Close()]) as odd,
        pytest.raises(Unreachable, match="broke off"),
    ):
        send(Issuer(f"http://127.0.0.1:{odd.port}").ask_device())


# Renewal.


def renew(store: Store, issuer: ChatGptIssuer, now: float) -> Tokens | None:
    return renew_if_due(store, Issuer(issuer.url), lambda: now, send)


def kept(store: Store, held: Tokens) -> None:
    with store.locked():
        store.save(held)


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


# Use.


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

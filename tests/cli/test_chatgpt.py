"""`planoai chatgpt` against a scripted issuer, and the steps of a sign-in against a clock that a test sets."""

import json
import signal
import stat
import time
from collections.abc import Iterator

import pytest

from plano_extproc.providers.chatgpt import Issuer, IssuerError, Store, Tokens
from plano_extproc.providers.chatgpt.issuer import Ask, Device, Reply, Unreachable
from planoai.commands.chatgpt import describe
from planoai.sign_in import VALID_SECONDS, TimedOut, World, sign_in
from tests.cli.commands import Shell, flat
from tests.support.chatgpt_issuer import (
    DEVICE_CODE,
    DEVICE_TOKEN,
    TOKEN,
    ChatGptIssuer,
    access_token,
    id_token,
)
from tests.support.gateway import until
from tests.support.ports import free_port

DAY = 86_400


@pytest.fixture
def issuer() -> Iterator[ChatGptIssuer]:
    with ChatGptIssuer() as found:
        yield found


@pytest.fixture
def user(user: Shell, issuer: ChatGptIssuer) -> Shell:
    user.environ["PLANO_CHATGPT_ISSUER"] = issuer.url
    return user


def store(user: Shell) -> Store:
    return Store(user.home)


def keep(user: Shell, *, seconds: float = 10 * DAY, refresh_token: str = "refresh-0") -> Tokens:
    now = time.time()
    held = Tokens(access_token(0), refresh_token, id_token(), "acct-0", now + seconds, now)
    with store(user).locked():
        store(user).save(held)
    return held


def test_login_shows_a_code_waits_and_keeps_the_tokens(user: Shell, issuer: ChatGptIssuer) -> None:
    issuer.pending = 1

    result = user.planoai("chatgpt", "login")

    held = store(user).load()
    assert result.returncode == 0, result.stderr
    assert f"{issuer.url}/codex/device" in result.stdout
    assert "ABCD-EFGHI" in result.stdout
    assert "Signed in to ChatGPT as ada@example.com (plus), account acct-1" in flat(result.stdout)
    assert issuer.asked == [DEVICE_CODE, DEVICE_TOKEN, DEVICE_TOKEN, TOKEN]
    assert issuer.refused == []
    assert held is not None
    assert (held.access_token, held.refresh_token, held.account_id) == (access_token(1), "refresh-1", "acct-1")
    assert stat.S_IMODE(store(user).path.stat().st_mode) == 0o600
    assert not any(secret in result.stdout + result.stderr for secret in issuer.secrets)


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        (DEVICE_CODE, 404, "does not offer sign-in by device code"),
        (DEVICE_CODE, 500, "refused a code for this device with status 500"),
        (DEVICE_TOKEN, 400, "refused the sign-in with status 400"),
        (TOKEN, 401, "refused the tokens with status 401"),
        (TOKEN, 200, "makes no sense"),
    ],
)
def test_a_login_that_fails_leaves_the_old_one(
    user: Shell, issuer: ChatGptIssuer, path: str, status: int, words: str
) -> None:
    before = keep(user)
    issuer.fail(path, status)

    result = user.planoai("chatgpt", "login")

    assert result.returncode == 1
    assert words in flat(result.stderr)
    assert "nothing was changed" in result.stderr
    assert store(user).load() == before
    assert not any(secret in result.stdout + result.stderr for secret in issuer.secrets)


def test_a_login_that_is_interrupted_leaves_the_old_one(user: Shell, issuer: ChatGptIssuer) -> None:
    before = keep(user)
    issuer.pending = 1000
    process = user.start("chatgpt", "login")
    assert until(lambda: DEVICE_TOKEN in issuer.asked or process.poll() is not None)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)

    assert process.returncode == 1
    assert "the sign-in was stopped" in output
    assert "Traceback" not in output
    assert store(user).load() == before


def test_an_issuer_that_is_not_there_is_an_error(user: Shell) -> None:
    result = user.planoai("chatgpt", "login", PLANO_CHATGPT_ISSUER=f"http://127.0.0.1:{free_port()}")

    assert result.returncode == 1
    assert "the login server cannot be reached" in flat(result.stderr)


def test_an_issuer_that_would_hear_tokens_in_the_clear_is_an_error(user: Shell) -> None:
    result = user.planoai("chatgpt", "login", PLANO_CHATGPT_ISSUER="http://issuer.test")

    assert result.returncode == 1
    assert "PLANO_CHATGPT_ISSUER: 'http://issuer.test' is no https:// URL" in flat(result.stderr)


def test_status_tells_who_and_how_long_with_days(user: Shell) -> None:
    keep(user, seconds=9 * DAY + 23.5 * 3600)

    result = user.planoai("chatgpt", "status")

    assert result.returncode == 0
    assert "Signed in to ChatGPT as ada@example.com (plus), account acct-0" in flat(result.stdout)
    assert "expires in 9d 23h" in result.stdout


def test_status_as_json_holds_no_token(user: Shell, issuer: ChatGptIssuer) -> None:
    held = keep(user)

    result = user.planoai("chatgpt", "status", "--json")

    found = json.loads(result.stdout)
    left = found.pop("seconds_left")
    ends = found.pop("expires_at")
    assert 10 * DAY - 600 < left <= 10 * DAY
    assert ends.endswith("+00:00")
    assert found == {
        "state": "authenticated",
        "account_id": "acct-0",
        "email": "ada@example.com",
        "plan": "plus",
        "problem": None,
        "renewable": True,
        "file": str(store(user).path),
    }
    assert held.refresh_token not in result.stdout
    assert not any(secret in result.stdout for secret in issuer.secrets)


@pytest.mark.parametrize(
    ("refresh_token", "words"),
    [("refresh-0", "a running gateway renews it"), ("", "sign in again with `planoai chatgpt login`")],
)
def test_status_of_an_expired_login_says_what_happens_next(user: Shell, refresh_token: str, words: str) -> None:
    keep(user, seconds=-2 * DAY - 60, refresh_token=refresh_token)

    result = user.planoai("chatgpt", "status")
    told = describe(store(user), time.time())

    assert result.returncode == 0
    assert "Expired 2d ago" in flat(result.stdout)
    assert words in result.stdout
    assert (told["state"], told["renewable"]) == ("expired", bool(refresh_token))
    assert told["seconds_left"] < 0


def test_status_without_a_login_says_how_to_get_one(user: Shell) -> None:
    result = user.planoai("chatgpt", "status")
    told = describe(store(user), time.time())

    assert result.returncode == 0
    assert "Not signed in to ChatGPT; sign in with `planoai chatgpt login`" in flat(result.stdout)
    assert told["state"] == "not_authenticated"
    assert not user.home.exists()


def test_status_of_a_login_that_cannot_be_read_says_why(user: Shell) -> None:
    keep(user)
    store(user).path.write_text("{}")

    result = user.planoai("chatgpt", "status")
    told = describe(store(user), time.time())

    assert result.returncode == 0
    assert "access_token is missing" in flat(result.stdout)
    assert (told["state"], told["problem"]) == ("unreadable", "access_token is missing")


def test_logout_forgets_the_login(user: Shell) -> None:
    keep(user)

    result = user.planoai("chatgpt", "logout")

    assert (result.returncode, flat(result.stdout)) == (0, "Signed out of ChatGPT")
    assert store(user).load() is None


def test_logout_where_nothing_ever_was_makes_nothing(user: Shell) -> None:
    result = user.planoai("chatgpt", "logout")

    assert (result.returncode, flat(result.stdout)) == (0, "Not signed in to ChatGPT")
    assert not user.home.exists()


def test_wrong_usage_ends_with_2(user: Shell) -> None:
    assert user.planoai("chatgpt", "bogus").returncode == 2


# The steps of a sign-in.


class Script:
    """A world whose time passes only in pauses, and whose answers are given."""

    def __init__(self, *replies: Reply | Exception) -> None:
        self.time = 0.0
        self.pauses: list[float] = []
        self._replies = list(replies)

    @property
    def world(self) -> World:
        return World(send=self._send, clock=lambda: self.time, now=lambda: 1_790_000_000.0, sleep=self._sleep)

    def _send(self, ask: Ask) -> Reply:
        if ask.url.endswith("/usercode"):
            return Reply(200, b'{"device_auth_id": "d", "user_code": "C", "interval": "5"}')
        if ask.url.endswith("/oauth/token"):
            return Reply(200, b'{"access_token": "a"}')
        answer = self._replies.pop(0) if self._replies else Reply(403, b"")
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.time += seconds


GRANTED = Reply(200, b'{"authorization_code": "c", "code_verifier": "v"}')
CUT = Unreachable("the login server cannot be reached")


def run(script: Script) -> Tokens:
    shown: list[Device] = []
    tokens = sign_in(Issuer(), script.world, shown.append)
    assert [device.user_code for device in shown] == ["C"]
    return tokens


def test_the_issuer_is_asked_at_the_pace_that_it_wants() -> None:
    script = Script(Reply(403, b""), Reply(404, b""), GRANTED)

    assert run(script).access_token == "a"
    assert script.pauses == [5, 5, 5]


def test_an_issuer_that_says_slow_down_is_asked_half_as_often() -> None:
    script = Script(Reply(429, b""), Reply(429, b""), GRANTED)
    run(script)

    assert script.pauses == [5, 10, 20]


def test_a_code_that_nobody_types_times_out() -> None:
    script = Script()
    with pytest.raises(TimedOut):
        run(script)

    assert script.time == VALID_SECONDS


def test_short_failures_while_waiting_do_not_end_the_sign_in() -> None:
    script = Script(CUT, CUT, Reply(503, b""), CUT, Reply(403, b""), CUT, CUT, GRANTED)

    assert run(script).access_token == "a"


def test_a_failure_that_lasts_ends_the_sign_in() -> None:
    with pytest.raises(Unreachable):
        run(Script(*[CUT] * 5))


def test_a_refusal_while_waiting_ends_the_sign_in() -> None:
    with pytest.raises(IssuerError, match="status 400: denied"):
        run(Script(Reply(400, b'{"error": {"message": "denied"}}')))

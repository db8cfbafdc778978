"""A scripted login server of ChatGPT's: it refuses whatever the real one refuses, and grants tokens that say so.

with ChatGptIssuer() as issuer:
    issuer.pending = 1                      # one question finds the code not typed yet
    tokens = sign_in(Issuer(issuer.url), ...)
    issuer.fail("/oauth/token", 503)        # the next question of this kind fails
    assert issuer.refused == []
"""

import base64
import json
from collections.abc import Sequence
from typing import Any, Self
from urllib.parse import parse_qs

import orjson

from tests.support.http_server import Action, Data, End, Head, HttpServer, Recorded

CLIENT = "app_EMoamEEZ73f0CkXaXp7hrann"
DEVICE_CODE, DEVICE_TOKEN, TOKEN = (
    "/api/accounts/deviceauth/usercode",
    "/api/accounts/deviceauth/token",
    "/oauth/token",
)
DEVICE = {"device_auth_id": "device-1", "user_code": "ABCD-EFGHI"}
GRANT = {"authorization_code": "code+1/=&", "code_challenge": "challenge", "code_verifier": "verifier~1"}


def jwt(**claims: Any) -> str:
    """Return a token that claims something; nobody here checks its signature."""
    parts = (json.dumps({"alg": "none"}), json.dumps(claims), "signature")
    return ".".join(base64.urlsafe_b64encode(part.encode()).rstrip(b"=").decode() for part in parts)


def access_token(number: int = 1, *, account: str = "acct-1", exp: float | None = None) -> str:
    """Return an access token of an account; `number` makes it differ from others."""
    claims: dict[str, Any] = {"jti": f"access-{number}", "https://api.openai.com/auth": {"chatgpt_account_id": account}}
    return jwt(**claims, **({"exp": exp} if exp is not None else {}))


def id_token(*, account: str = "acct-1", email: str = "ada@example.com", plan: str = "plus") -> str:
    """Return an identity token."""
    auth = {"chatgpt_account_id": account, "chatgpt_plan_type": plan}
    return jwt(**{"email": email, "https://api.openai.com/auth": auth})


class ChatGptIssuer:
    """The server. `refresh_token` is the only one that it still takes; every renewal replaces it."""

    def __init__(self) -> None:
        self.refresh_token = "refresh-0"
        self.expires_in: float | None = 864_000
        self.pending = 0
        self.interval: Any = "1"
        self.granted = 0
        self.asked: list[str] = []
        self.refused: list[str] = []
        self._failures: dict[str, list[tuple[int, Any]]] = {}
        self._server = HttpServer(self._answer)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.port}"

    @property
    def secrets(self) -> tuple[str, ...]:
        """Return everything that must never be shown."""
        return (*GRANT.values(), "device-1", "refresh-", "eyJ")

    def fail(self, path: str, status: int, body: Any = None) -> None:
        """Answer the next question at a path with an error."""
        self._failures.setdefault(path, []).append((status, body))

    def grant(self) -> dict[str, Any]:
        """Return the next tokens, and forget the refresh token before."""
        self.granted += 1
        self.refresh_token = f"refresh-{self.granted}"
        answer = {
            "access_token": access_token(self.granted),
            "refresh_token": self.refresh_token,
            "id_token": id_token(),
            "token_type": "Bearer",
        }
        return answer if self.expires_in is None else {**answer, "expires_in": self.expires_in}

    def close(self) -> None:
        self._server.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def _answer(self, request: Recorded) -> Sequence[Action]:
        self.asked.append(request.path)
        if failures := self._failures.get(request.path):
            return _whole(*failures.pop(0))
        if request.method != "POST":
            return self._refuse(405, f"{request.method} {request.path}")
        if "urllib" in (request.header("user-agent") or ""):
            return self._refuse(403, "a client without a name")
        match request.path:
            case "/api/accounts/deviceauth/usercode":
                return self._json(request, {"client_id": CLIENT}, {**DEVICE, "interval": self.interval})
            case "/api/accounts/deviceauth/token":
                return self._poll(request)
            case "/oauth/token":
                return self._token(request)
        return self._refuse(404, f"nothing at {request.path}")

    def _json(self, request: Recorded, wanted: Any, answer: Any) -> Sequence[Action]:
        if request.header("content-type") != "application/json" or request.json() != wanted:
            return self._refuse(400, f"{request.path}: {request.body!r}")
        return _whole(200, answer)

    def _poll(self, request: Recorded) -> Sequence[Action]:
        if self.pending:
            self.pending -= 1
            return _whole(403, {"error": {"message": "Device authorization is pending.", "code": "pending"}})
        return self._json(request, DEVICE, GRANT)

    def _token(self, request: Recorded) -> Sequence[Action]:
        form = parse_qs(request.body.decode(), strict_parsing=True)
        told = {name: values[0] for name, values in form.items() if len(values) == 1}
        if request.header("content-type") != "application/x-www-form-urlencoded" or told.pop("client_id", "") != CLIENT:
            return self._refuse(400, f"{request.path}: {sorted(form)}")
        if told == {
            "grant_type": "authorization_code",
            "code": GRANT["authorization_code"],
            "code_verifier": GRANT["code_verifier"],
            "redirect_uri": f"{self.url}/deviceauth/callback",
        }:
            return _whole(200, self.grant())
        if told == {"grant_type": "refresh_token", "refresh_token": self.refresh_token}:
            return _whole(200, self.grant())
        if told.get("grant_type") == "refresh_token":
            message = "Your refresh token has already been used to generate a new access token."
            return _whole(401, {"error": {"message": message, "code": "refresh_token_reused"}})
        return self._refuse(400, f"{request.path}: {sorted(told)}")

    def _refuse(self, status: int, problem: str) -> Sequence[Action]:
        self.refused.append(problem)
        return _whole(status, {"error": "invalid_request", "error_description": problem})


def _whole(status: int, body: Any) -> Sequence[Action]:
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    headers = (("content-type", "application/json"), ("content-length", str(len(raw))))
    return [Head(status, headers), Data(raw), End()]

"""An issuer of tokens: signs with ECDSA on P-256 (ES256), and serves its public key as a JSON Web Key Set.

    with TokenIssuer() as issuer:
        httpx.get(url, headers={"authorization": f"Bearer {issuer.token(sub='zoe')}"})

The arithmetic is the textbook's. It is slow and leaks its key by its timing, which no test minds.
"""

import base64
import hashlib
import secrets
import time
from typing import Any, Self

import orjson

from tests.support.http_server import Action, Data, End, Head, HttpServer, Recorded

# FIPS 186-4, D.1.2.3.
P = 2**256 - 2**224 + 2**192 + 2**96 - 1
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)

Point = tuple[int, int] | None


class TokenIssuer:
    """Issues tokens of one key until closed."""

    def __init__(self, name: str = "https://issuer.example") -> None:
        self.name = name
        self._secret = secrets.randbelow(N - 1) + 1
        self._server = HttpServer(self._keys)

    @property
    def jwks_uri(self) -> str:
        """Where its public key is."""
        return f"http://127.0.0.1:{self._server.port}/keys?of=tests"

    def token(self, **claims: Any) -> str:
        """Return a token that is good for a minute, with these claims beside or in place of the usual ones."""
        now = int(time.time())
        told = {"iss": self.name, "sub": "somebody", "iat": now, "exp": now + 60, **claims}
        signed = f"{_encoded({'alg': 'ES256', 'typ': 'JWT', 'kid': 'one'})}.{_encoded(told)}"
        return f"{signed}.{_text(_signature(signed.encode(), self._secret))}"

    def close(self) -> None:
        """End the server."""
        self._server.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def _keys(self, request: Recorded) -> list[Action]:
        public = _times(self._secret, G)
        assert public is not None
        x, y = (_text(number.to_bytes(32)) for number in public)
        key = {"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": "one", "x": x, "y": y}
        status = 200 if request.target == "/keys?of=tests" else 404
        body = orjson.dumps({"keys": [key]})
        return [Head(status, (("content-length", str(len(body))),)), Data(body), End()]


def _encoded(value: dict[str, Any]) -> str:
    return _text(orjson.dumps(value))


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _signature(message: bytes, secret: int) -> bytes:
    digest = int.from_bytes(hashlib.sha256(message).digest())
    while True:
        once = secrets.randbelow(N - 1) + 1
        point = _times(once, G)
        assert point is not None
        r = point[0] % N
        s = pow(once, -1, N) * (digest + r * secret) % N
        if r and s:
            return r.to_bytes(32) + s.to_bytes(32)


def _times(factor: int, point: Point) -> Point:
    result: Point = None
    while factor:
        if factor & 1:
            result = _plus(result, point)
        point = _plus(point, point)
        factor >>= 1
    return result


def _plus(one: Point, other: Point) -> Point:
    if one is None or other is None:
        return one or other
    (x1, y1), (x2, y2) = one, other
    if x1 == x2 and (y1 + y2) % P == 0:
        return None
    slope = (3 * x1 * x1 - 3) * pow(2 * y1, -1, P) if one == other else (y2 - y1) * pow(x2 - x1, -1, P)
    x3 = (slope * slope - x1 - x2) % P
    return x3, (slope * (x1 - x3) - y1) % P

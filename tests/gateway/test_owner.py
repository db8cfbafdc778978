import base64
import json

import pytest
from pydantic import SecretStr

from plano_extproc.config.listeners import Jwt, Listener
from plano_extproc.config.policies import Client
from plano_extproc.gateway.ask import Ask
from plano_extproc.gateway.conversation.owner import owner
from plano_extproc.gateway.surface import Surface

OPEN = Listener(name="m", type="model", port=1)
WITH_TOKENS = OPEN.model_copy(update={"jwt": Jwt(issuer="https://i", jwks_uri="https://i/keys")})
ADA, BOB = (Client(id=name, key=SecretStr(f"key-{name}")) for name in ("ada", "bob"))


def of(client: Client | None = None, listener: Listener = OPEN, **headers: str) -> str:
    sent = {name.replace("_", "-"): value.encode() for name, value in headers.items()}
    return owner(Ask("m", Surface("openai.responses"), sent, "", client), listener)


def token(**claims: str) -> str:
    parts = ({"alg": "none"}, claims)
    return "Bearer " + ".".join(base64.urlsafe_b64encode(json.dumps(p).encode()).decode().rstrip("=") for p in parts)


def test_a_client_is_one_whatever_it_sends() -> None:
    assert of(ADA) == of(ADA, authorization="Bearer a") == of(ADA, x_api_key="b")
    assert of(ADA) != of(BOB)
    assert "ada" not in of(ADA)


def test_without_clients_a_credential_tells_who_it_is() -> None:
    assert of(authorization="Bearer a") != of(authorization="Bearer b")
    assert of(authorization="Bearer a") != of()
    assert of(x_api_key="a") == of(x_api_key="a")
    assert of() == of()


def test_a_renewed_token_is_about_the_same() -> None:
    one = of(listener=WITH_TOKENS, authorization=token(iss="i", sub="ada", exp="1") + ".sig1")
    assert one == of(listener=WITH_TOKENS, authorization=token(iss="i", sub="ada", exp="2") + ".sig2")
    assert one != of(listener=WITH_TOKENS, authorization=token(iss="i", sub="bob") + ".sig")
    assert one != of(listener=WITH_TOKENS, authorization=token(iss="j", sub="ada") + ".sig")


def test_an_unchecked_token_says_nothing_but_itself() -> None:
    assert of(authorization=token(iss="i", sub="ada", exp="1") + ".s") != of(
        authorization=token(iss="i", sub="ada", exp="2") + ".s"
    )


@pytest.mark.parametrize(
    "odd", ["Bearer", "Bearer x", "Bearer a.b.c", "Bearer ..", "Basic a.%%.c", "Bearer a.W10.c", ""]
)
def test_what_is_no_token_is_a_credential(odd: str) -> None:
    assert of(listener=WITH_TOKENS, authorization=odd) == of(authorization=odd)

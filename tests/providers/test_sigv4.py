"""AWS signatures. The figures were made by botocore 1.44.5 and by a second signer."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from plano_extproc.providers.sigv4 import Credentials, signed_headers

KEYS = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
TEMPORARY = Credentials(KEYS.access_key_id, KEYS.secret_access_key, "TOKENEXAMPLE")
NOW = 1767323045.9  # 2026-01-02T03:04:05Z, and a bit
STAMP = "20260102T030405Z"
BODY = b'{"messages":[{"role":"user","content":[{"text":"hi"}]}]}'
HOST = "bedrock-runtime.us-east-1.amazonaws.com"
CLAUDE = "us.anthropic.claude-sonnet-4-5-20250929-v1"
PROFILE = "arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Ainference-profile%2Fus.amazon.nova-lite-v1%3A0"


@dataclass(frozen=True)
class Vector:
    name: str
    path: str
    signature: str
    keys: Credentials = KEYS
    method: str = "POST"
    host: str = HOST
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})
    body: bytes = BODY
    region: str = "us-east-1"
    service: str = "bedrock"

    def __str__(self) -> str:
        return self.name


VECTORS = (
    Vector(
        "an escaped colon",
        f"/model/{CLAUDE}%3A0/converse",
        "6b18186d5132c71249f705372d764ddfd8a9890b662230fb355af564c05e1c35",
    ),
    Vector(
        "a bare colon",
        f"/model/{CLAUDE}:0/converse",
        "3000ee0b39c11845e77a3c9979563ac2bdac6e7b7fef737e2d82a8a148d9efe2",
    ),
    Vector(
        "an ARN, and a token",
        f"/model/{PROFILE}/converse-stream",
        "e77b39c356a4dc499c32c884e6987fccd7a87ef2db18c57b0f0f357eee8f6dec",
        keys=TEMPORARY,
    ),
    Vector(
        "a query, blanks in headers, and another port",
        "/",
        "f68d142aa415250a1fef2968138fb2960854e8b8dccfaf99b9489eb8e922a4d6",
        method="GET",
        host="h.example:8443",
        query="b=2&a=%20x&a=1&c",
        headers={"X-Two": "  a   b ", "Accept": "\u00e9"},
        body=b"",
        region="eu-central-1",
        service="service",
    ),
    Vector(
        "an odd path, no headers, and another partition",
        "/a b/~-_.*",
        "3b675860cd090391ee0c42788e176b60b00db8bd8b8d4d723e4693527dd5f2d4",
        host="bedrock-runtime.cn-north-1.amazonaws.com.cn",
        headers={},
        body=b"",
        region="cn-north-1",
    ),
)


def signed(vector: Vector) -> dict[str, str]:
    return signed_headers(
        vector.method, vector.host, vector.path, vector.query, vector.headers, vector.body,
        credentials=vector.keys, region=vector.region, service=vector.service, now=NOW,
    )  # fmt: skip


@pytest.mark.parametrize("vector", VECTORS, ids=str)
def test_a_request_has_its_signature(vector: Vector) -> None:
    made = signed(vector)
    token = {"x-amz-security-token": vector.keys.session_token} if vector.keys.session_token else {}

    assert made.pop("authorization").rpartition(", Signature=")[2] == vector.signature
    assert made == {"x-amz-date": STAMP, **token}


def test_the_proof_names_the_key_its_scope_and_what_is_signed() -> None:
    proof = signed(VECTORS[2])["authorization"]

    assert proof.startswith(
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260102/us-east-1/bedrock/aws4_request, "
        "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, Signature="
    )


def test_secrets_are_not_shown() -> None:
    shown = repr(TEMPORARY)

    assert "wJalr" not in shown
    assert "TOKEN" not in shown
    assert "AKIDEXAMPLE" in shown

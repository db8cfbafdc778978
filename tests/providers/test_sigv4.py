"""AWS signatures. All figures were made by botocore 1.44.5."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plano_extproc.providers.sigv4 import Credentials, canonical_request, signed_headers

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
    digest: str
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
        "03739368ba3a38550642f2f0b125913133b59ea24b057bf10af091359fa5b41f",
        "6b18186d5132c71249f705372d764ddfd8a9890b662230fb355af564c05e1c35",
    ),
    Vector(
        "a bare colon",
        f"/model/{CLAUDE}:0/converse",
        "afef5b9de9d0c7659115403dbd18c4d32f3271ca4aa4df1bb4cbd5554b104593",
        "3000ee0b39c11845e77a3c9979563ac2bdac6e7b7fef737e2d82a8a148d9efe2",
    ),
    Vector(
        "an ARN, and a token",
        f"/model/{PROFILE}/converse-stream",
        "3f03f7b955b22d58b2bd870ea7237be6d06b76d6dd7810b7a5969ca95ee4849a",
        "e77b39c356a4dc499c32c884e6987fccd7a87ef2db18c57b0f0f357eee8f6dec",
        keys=TEMPORARY,
    ),
    Vector(
        "a query, blanks in headers, and another port",
        "/",
        "5352d9b4e81497deb317793c2a596f6bca52f5b0e3c0635ba7348eb38497c167",
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
        "421e32408a0a87de9c47f81bba2760dfe8251d83f980e5ebcb66916eb1a9285f",
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
def test_a_request_is_signed_as_botocore_signs_it(vector: Vector) -> None:
    made = signed(vector)
    token = {"x-amz-security-token": vector.keys.session_token} if vector.keys.session_token else {}
    headers = {**vector.headers, "host": vector.host, "x-amz-date": STAMP, **token}
    canonical = canonical_request(vector.method, vector.path, vector.query, headers, vector.body)

    assert hashlib.sha256(canonical.encode()).hexdigest() == vector.digest
    assert made.pop("authorization").rpartition(", Signature=")[2] == vector.signature
    assert made == {"x-amz-date": STAMP, **token}


def test_a_path_that_is_escaped_is_escaped_once_more() -> None:
    lines = canonical_request("POST", "/model/a%3A0%2Fb/converse", "", {"host": "h"}, b"").splitlines()

    assert lines[1] == "/model/a%253A0%252Fb/converse"


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


@given(
    path=st.text("abXY%:.-_~@+,;", min_size=1, max_size=12).filter(lambda path: path.strip(".")),
    query=st.lists(st.tuples(st.sampled_from("abc"), st.text("xyz0", max_size=2)), max_size=4),
    headers=st.dictionaries(st.sampled_from(["X-A", "x-b", "Content-Type"]), st.text("ab ", max_size=6)),
    body=st.binary(max_size=20),
    keys=st.sampled_from([KEYS, TEMPORARY]),
)
def test_botocore_agrees(
    path: str, query: list[tuple[str, str]], headers: dict[str, str], body: bytes, keys: Credentials
) -> None:
    auth = pytest.importorskip("botocore.auth")
    requests = pytest.importorskip("botocore.awsrequest")
    credentials = pytest.importorskip("botocore.credentials")
    asked = "&".join(f"{name}={value}" for name, value in query)
    ours = signed_headers(
        "POST", HOST, f"/{path}", asked, headers, body, credentials=keys, region="r", service="s", now=NOW
    )

    theirs = auth.SigV4Auth(
        credentials.Credentials(keys.access_key_id, keys.secret_access_key, keys.session_token), "s", "r"
    )
    request = requests.AWSRequest(
        method="POST", url=f"https://{HOST}/{path}" + (f"?{asked}" if asked else ""), headers=headers, data=body
    )
    request.context["timestamp"] = STAMP
    for name in ours.keys() - {"authorization"}:
        request.headers[name] = ours[name]
    to_sign = theirs.string_to_sign(request, theirs.canonical_request(request))
    assert ours["authorization"].endswith(f"Signature={theirs.signature(to_sign, request)}")

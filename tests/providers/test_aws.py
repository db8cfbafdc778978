"""AWS keys: from the configuration, from the usual sources, and what is signed with them."""

import sys
from importlib.machinery import ModuleSpec
from types import ModuleType

import pytest

from plano_extproc.config import load
from plano_extproc.config.models import ModelProvider
from plano_extproc.errors import Unavailable
from plano_extproc.providers.auth import Outbound
from plano_extproc.providers.aws import AwsSignature, UsualKeys, aws_signature, botocore_keys
from plano_extproc.providers.sigv4 import Credentials

HOST = "bedrock-runtime.us-east-1.amazonaws.com"
PATH = "/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse"
BODY = b'{"messages":[{"role":"user","content":[{"text":"hi"}]}]}'
OUTBOUND = Outbound("POST", HOST, PATH, {"content-type": b"text/plain", "x-amz-date": b"spoofed"}, BODY)
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
NOW = 1767323045.0


def entry(settings: str, base_url: str = f"https://{HOST}") -> ModelProvider:
    text = f"version: v0.5.0\nmodel_providers:\n  - {{model: amazon_bedrock/m, base_url: '{base_url}', {settings}}}\n"
    config = load(text, environ={"SECRET": SECRET}).config
    assert config is not None
    return config.model_providers[0]


def test_keys_of_the_configuration_sign_what_is_sent() -> None:
    signature = aws_signature(entry("aws: {access_key_id: AKIDEXAMPLE, secret_access_key: $SECRET}"), None)
    assert signature is not None
    headers = dict(signature(OUTBOUND, NOW))

    assert headers.keys() == {"content-type", "x-amz-date", "authorization"}
    assert headers["content-type"] == b"application/json"
    assert headers["x-amz-date"] == b"20260102T030405Z"
    # The first golden vector of test_sigv4.
    assert headers["authorization"].endswith(b"6b18186d5132c71249f705372d764ddfd8a9890b662230fb355af564c05e1c35")


def test_a_token_is_sent_and_signed() -> None:
    settings = "aws: {region: us-east-1, access_key_id: A, secret_access_key: $SECRET, session_token: tok}"
    signature = aws_signature(entry(settings), None)
    assert signature is not None
    headers = dict(signature(OUTBOUND, NOW))

    assert headers["x-amz-security-token"] == b"tok"
    assert b";x-amz-security-token," in headers["authorization"]


def test_a_query_is_signed_apart_from_the_path() -> None:
    signature = AwsSignature("us-east-1", lambda: Credentials("A", SECRET))
    bare, asked = (dict(signature(Outbound("POST", HOST, path, {}, BODY), NOW)) for path in (PATH, f"{PATH}?a=1"))

    assert bare["authorization"] != asked["authorization"]


@pytest.mark.parametrize(
    ("settings", "base_url", "region"),
    [
        ("aws: {}", f"https://{HOST}", "us-east-1"),
        ("aws: {region: eu-west-1}", f"https://{HOST}", "eu-west-1"),
        ("aws: {}", "https://bedrock-runtime-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
        ("aws: {}", "https://vpce-1.bedrock-runtime.eu-central-1.vpce.amazonaws.com", "eu-central-1"),
        ("aws: {}", "https://bedrock-runtime.cn-north-1.amazonaws.com.cn/", "cn-north-1"),
        ("aws: {region: r}", "http://127.0.0.1:9000", "r"),
    ],
)
def test_the_region_is_the_entrys_own_or_that_of_its_address(
    settings: str, base_url: str, region: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(monkeypatch, "None")
    signature = aws_signature(entry(settings, base_url), lambda: Credentials("A", SECRET))
    assert signature is not None

    assert f"/20260102/{region}/bedrock/".encode() in dict(signature(OUTBOUND, NOW))["authorization"]


@pytest.mark.parametrize("settings", ["access_key: k", "passthrough_auth: true", "headers: {authorization: x}"])
def test_what_is_paid_otherwise_is_not_signed(settings: str) -> None:
    assert aws_signature(entry(settings), None) is None


def test_no_request_waits_for_keys() -> None:
    found: list[Credentials | str] = ["none yet", Credentials("A", SECRET), "gone", Credentials("B", SECRET)]

    def find() -> Credentials:
        told = found.pop(0)
        if isinstance(told, str):
            raise Unavailable(told)
        return told

    keys = UsualKeys(find)
    with pytest.raises(Unavailable, match="being looked for"):
        keys()
    with pytest.raises(Unavailable, match="none yet"):
        keys.refresh()
    with pytest.raises(Unavailable, match="none yet"):
        keys()
    keys.refresh()
    assert keys().access_key_id == "A"
    with pytest.raises(Unavailable, match="gone"):
        keys.refresh()
    assert keys().access_key_id == "A"
    keys.refresh()
    assert keys().access_key_id == "B"


STAND_IN = """
from types import SimpleNamespace as Space
class BotoCoreError(Exception): pass
class Expired(BotoCoreError): pass
def fail(): raise Expired("token of ann@example.com")
class Session:
    def get_credentials(self): return {credentials}
"""


def stand_in(monkeypatch: pytest.MonkeyPatch, credentials: str) -> None:
    """Put something in botocore's place that finds what the expression `credentials` says."""
    made = ModuleType("botocore")
    made.__spec__ = ModuleSpec("botocore", None)
    exec(STAND_IN.format(credentials=credentials), made.__dict__)
    for name in ("botocore", "botocore.session", "botocore.exceptions"):
        monkeypatch.setitem(sys.modules, name, made)


def test_botocore_is_asked_for_the_usual_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    frozen = "Space(access_key='A', secret_key='s', token='t')"
    stand_in(monkeypatch, f"Space(get_frozen_credentials=lambda: {frozen})")

    assert botocore_keys()() == Credentials("A", "s", "t")


@pytest.mark.parametrize(
    ("credentials", "words"),
    [
        ("None", r"no AWS credentials were found; `aws sts"),
        ("Space(get_frozen_credentials=fail)", r"cannot be had \(Expired\); `aws sts"),
        ("fail()", r"cannot be had \(Expired\)"),
    ],
)
def test_keys_that_cannot_be_had_are_told_without_a_name(
    credentials: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(monkeypatch, credentials)

    with pytest.raises(Unavailable, match=words) as raised:
        botocore_keys()()
    assert "ann@" not in raised.value.message


def test_without_botocore_there_is_nothing_to_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "botocore.session", None)

    with pytest.raises(ModuleNotFoundError):
        botocore_keys()


def test_botocore_itself_finds_keys_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("botocore.session")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "A")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "t")

    assert botocore_keys()() == Credentials("A", "s", "t")

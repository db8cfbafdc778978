"""The way to the issuer."""

import pytest

from plano_extproc.providers.chatgpt import Issuer
from plano_extproc.providers.chatgpt.issuer import Unreachable
from plano_extproc.providers.chatgpt.send import send
from tests.providers.chatgpt.login import tokens
from tests.support.chatgpt_issuer import TOKEN, ChatGptIssuer
from tests.support.http_server import Close, Head, HttpServer, Raw, Wait
from tests.support.ports import free_port


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

"""Forms as clients send them: their texts are found, and only these change."""

import httpx
import pytest

from plano_extproc.gateway.forms import fields, with_fields

FILE = {"image": ("a.png", b"\x89PNG\r\n--boundary\r\n\r\nprompt\r\n")}


def form(**texts: str) -> tuple[str, bytes]:
    request = httpx.Request("POST", "http://h/", data=texts, files=FILE)
    return request.headers["content-type"], request.read()


def test_fields_that_are_no_files_are_texts() -> None:
    found = fields(*form(model="m", prompt="Ein Löwe\r\nam Meer"))

    assert found is not None
    assert [(one.name, one.text) for one in found] == [("model", "m"), ("prompt", "Ein Löwe\r\nam Meer")]


def test_other_texts_leave_the_rest_as_it_was() -> None:
    kind, body = form(model="m", prompt="one", negative="two")
    found = fields(kind, body)
    assert found is not None

    made = with_fields(body, [(found[1], "a longer one"), (found[2], "")])

    assert made == body.replace(b"\r\n\r\none\r\n", b"\r\n\r\na longer one\r\n").replace(b"\r\n\r\ntwo", b"\r\n\r\n")


def test_names_need_no_quotes() -> None:
    body = b"--x\r\nContent-Disposition: form-data; name=prompt\r\n\r\nhi\r\n--x--\r\n"

    found = fields("multipart/form-data; boundary=x", body)

    assert [(one.name, one.text) for one in found or ()] == [("prompt", "hi")]


@pytest.mark.parametrize("kind", ["multipart/form-data", "multipart/form-data; boundary=other"])
def test_a_form_without_its_boundary_is_none(kind: str) -> None:
    assert fields(kind, form(prompt="x")[1]) is None


def test_half_a_form_is_none() -> None:
    kind, body = form(prompt="x")
    for cut in range(len(body) - len(b"\r\n--\r\n") - 30):
        assert fields(kind, body[:cut]) is None


def test_a_text_that_is_no_utf_8_is_none() -> None:
    body = b'--x\r\nContent-Disposition: form-data; name="prompt"\r\n\r\n\xff\xfe\r\n--x--\r\n'

    assert fields("multipart/form-data; boundary=x", body) is None

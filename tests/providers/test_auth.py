"""The caller's own credential, as it is passed on."""

import pytest

from plano_extproc.providers.auth import passed_through


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ({"authorization": b"Bearer t"}, ("authorization", b"Bearer t")),
        ({"x-api-key": b"k"}, ("x-api-key", b"k")),
        ({"x-goog-api-key": b"k"}, ("x-goog-api-key", b"k")),
        ({"api-key": b"k"}, ("api-key", b"k")),
        ({"x-api-key": b"k", "authorization": b"Bearer t"}, ("authorization", b"Bearer t")),
        ({"x-goog-api-key": b"k", "authorization": b"  "}, ("x-goog-api-key", b"k")),
    ],
)
def test_a_credential_stays_in_its_header_within_one_dialect(
    sent: dict[str, bytes], expected: tuple[str, bytes]
) -> None:
    assert passed_through(sent, scheme="bearer", same_dialect=True) == (expected,)


@pytest.mark.parametrize(
    "sent", [{"authorization": b"Bearer k"}, {"authorization": b"bearerk"}, {"x-goog-api-key": b"k"}]
)
@pytest.mark.parametrize(
    ("scheme", "expected"),
    [
        ("bearer", ("authorization", b"Bearer k")),
        ("x-api-key", ("x-api-key", b"k")),
        ("x-goog-api-key", ("x-goog-api-key", b"k")),
        ("none", ("authorization", b"Bearer k")),
    ],
)
def test_a_credential_is_sent_as_another_dialect_takes_it(
    sent: dict[str, bytes], scheme: str, expected: tuple[str, bytes]
) -> None:
    assert passed_through(sent, scheme=scheme, same_dialect=False) == (expected,)


def test_nothing_is_passed_on_where_nothing_was_sent() -> None:
    assert passed_through({"cookie": b"a=b"}, scheme="bearer", same_dialect=True) == ()

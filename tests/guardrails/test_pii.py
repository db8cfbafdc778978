"""Personal data: what is found, and what only looks like it."""

import pytest

from plano_extproc.guardrails.pii import find

FOUND = [
    ("email", "mail {} now", ["jane.doe@example.com", "a+b@mail.example.co.uk", "jürgen@exämple.de", "o'neil@x.io"]),
    ("phone", "call {} today", ["+49 151 23456789", "+14155552671", "(555) 123-4567", "555-123-4567", "030 1234567",
                                "1-800-555-0199", "+44 20 7946 0958", "0044 20 7946 0958", "+1 (415) 555-2671",
                                "00 41 44 668 18 00"]),
    ("phone", "our desk ({}) is open", ["212-555-0199", "+44 7700 900156", "(212) 555-0188", "030/1234567"]),
    ("credit_card", "card {}.", ["4111 1111 1111 1111", "4111111111111111", "5555-5555-5555-4444", "378282246310005",
                                 "6011111111111117", "3530111333300000"]),
    ("ssn", "ssn {},", ["123-45-6789", "123 45 6789"]),
    ("iban", "to {} please", ["DE89 3704 0044 0532 0130 00", "GB82WEST12345698765432", "NO93 8601 1117 947",
                              "FR1420041010050500013M02606"]),
    ("ip", "host {} is", ["192.168.1.1", "8.8.8.8", "2001:db8::1", "fe80::1ff:fe23:4567:890a"]),
    ("api_key", "use {} here", ["sk-proj-abcdefghijklmnopqrstuvwx0123456789", "AKIAIOSFODNN7EXAMPLE",
                                "ghp_0123456789abcdefghijklmnopqrstuvwxyz", "xoxb-123456789012-abcdefGHIJKL",
                                "AIzaSyA-0123456789abcdefghijklmnopqrstu",
                                "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl"]),
    ("api_key", "api_key={}", ["9f8e7d6c5b4a39281706f5e4d3c2b1a0"]),
    ("api_key", '"password": "{}"', ["Xk29fjQ0pLmz83hdWq71"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("entity", "around", "match"), [(entity, around, match) for entity, around, many in FOUND for match in many]
)
def test_found(entity: str, around: str, match: str) -> None:
    text = around.format(match) if "{}" in around else around
    found = [(one.entity, text[one.start : one.end]) for one in find(text)]

    assert found == [(entity, match)]


@pytest.mark.parametrize(
    "text",
    [
        "card 4111 1111 1111 1112", "1234567890123456", "ssn 000-12-3456, 666-12-3456, 912-12-3456, 123-00-4567",
        "DE89 3704 0044 0532 0130 01", "XX89370400440532013000", "999.1.1.1 and 1.2.3.4.5", "12:30:45 a::b c::d ::1 ::",
        "2024-05-06 10:00:00", "3.14159265358979", "1,234,567.89", "isbn 978-3-16-148410-0", "v1.2.3-rc.4",
        "commit 9f8e7d6c5b4a39281706f5e4d3c2b1a0deadbeef", "user@localhost", "@decorator def x()", "a@b",
        "sk-short", "the token is_a_very_long_identifier_name_here", "id 550e8400-e29b-41d4-a716-446655440000",
        "lines 100 200 300 400", "1000000 rows, 5000000 bytes", "password: see docs/internal/secrets/readme",
        "1700000000", "chatcmpl-1700000000123456", "00 41 44 13 52 88 00 17", "at 10:00 41 44 132 52 88",
        "f(212.555.1201)",
    ],
)  # fmt: skip
def test_not_found(text: str) -> None:
    assert find(text) == []


def test_only_the_entities_that_are_asked_for() -> None:
    text = "jane@example.com 192.168.1.1"

    assert [one.entity for one in find(text, ["ip"])] == ["ip"]


def test_time_grows_with_the_text_only() -> None:
    # A quadratic finder would need hours for these.
    for text in (
        "a@" * 100_000,
        "1 " * 200_000,
        "a" * 400_000,
        "1" * 400_000,
        ":" * 200_000,
        "eyJ" * 100_000,
        "(" * 200_000,
    ):
        find(text)

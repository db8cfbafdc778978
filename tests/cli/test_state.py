import json

import pytest

from planoai.home import Home
from planoai.state import Endpoint, State, load

STATE = State(
    file="/srv/config.yaml",
    generation=3,
    last_generation=4,
    workers=2,
    admin_port=9901,
    metrics_port=9092,
    started_at=1.5,
    max_body_bytes=1024,
    endpoints=(Endpoint("llm", "model", "0.0.0.0", 12000),),
    clusters=({"name": "provider_x", "host": "x.example", "port": 443},),
)


def test_what_is_saved_is_loaded(place: Home) -> None:
    place.create()
    STATE.save(place)

    assert load(place) == STATE


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", "{}", '"x"', '{"endpoints": 3}', '{"endpoints": [{}], "clusters": []}', "\x00\xff"],
)
def test_a_state_that_cannot_be_read_is_none(place: Home, text: str) -> None:
    place.create()
    place.state.write_text(text)

    assert load(place) is None


@pytest.mark.parametrize(("key", "value"), [("admin_port", "9901"), ("admin_port", -1), ("started_at", "now")])
def test_a_state_with_values_of_another_kind_is_none(place: Home, key: str, value: object) -> None:
    place.create()
    STATE.save(place)
    place.state.write_text(json.dumps({**json.loads(place.state.read_text()), key: value}))

    assert load(place) is None


def test_a_missing_state_is_none(place: Home) -> None:
    assert load(place) is None


@pytest.mark.parametrize(
    ("address", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:12000"),
        ("0.0.0.0", "http://127.0.0.1:12000"),
        ("::", "http://[::1]:12000"),
        ("::1", "http://[::1]:12000"),
        ("10.0.0.7", "http://10.0.0.7:12000"),
    ],
)
def test_a_listeners_url_works_on_this_machine(address: str, url: str) -> None:
    assert Endpoint("llm", "model", address, 12000).url == url


def test_a_refused_generation_is_not_used_again() -> None:
    assert STATE.tried(5).last_generation == 5
    assert STATE.tried(5).generation == 3

"""Streams that are read in passing, in their caller's own dialect: whatever a provider puts into them is no bug."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plano_extproc.apis import Api
from plano_extproc.errors import BadProviderAnswer
from plano_extproc.translate import CompletionsStream, Renamed
from plano_extproc.translate.calls import CallStream
from plano_extproc.translate.texts import TextStream, Window
from plano_extproc.translate.usage import StreamUsage, WithoutUsage
from tests.translate.golden import ASKS, ROOT

Read = Callable[[bytes, bool], object]


class _Same:
    def feed(self, text: str) -> str:
        return text

    def end(self) -> str:
        return ""


def _window(_: object) -> Window:
    return _Same()


READERS: dict[str, Callable[[Api], Read]] = {
    "texts": lambda api: TextStream(api, _window).feed,
    "calls": lambda api: CallStream(api, lambda _: True).feed,
    "renamed": lambda api: Renamed(api, "asked").stream().feed,
    "usage": lambda api: lambda chunk, _: StreamUsage(api).feed(chunk),
    "without usage": lambda _: WithoutUsage().feed,
    "completions": lambda _: CompletionsStream(None).feed,
}
EVENTS: dict[Api, list[Any]] = {
    api: [
        orjson.loads(line.removeprefix(b"data: "))
        for path in sorted(ROOT.glob(f"streams/{api}/*.sse"))
        if path.name.count(".") == 1
        for line in path.read_bytes().splitlines()
        if line.startswith(b"data: {") and line.endswith(b"}")
    ]
    for api in ASKS
}
ODD: list[Any] = [None, True, 7, -1, 0.5, "", "x", [], {}, [[]], [None], [{}], {"a": 1}, {"type": "text"}]


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every place in a value, as what holds it and its key or position."""
    keys = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in list(keys):
        yield value, key
        yield from places(value[key])


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("api", ASKS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_an_odd_event_is_passed_on_or_is_the_providers_fault(api: Api, reader: str, data: st.DataObject) -> None:
    read = READERS[reader](api)
    with contextlib.suppress(BadProviderAnswer):
        for at in data.draw(st.lists(st.integers(0, len(EVENTS[api]) - 1), min_size=1, max_size=4)):
            event = orjson.loads(orjson.dumps(EVENTS[api][at]))
            holder, key = data.draw(st.sampled_from(list(places(event))))
            if data.draw(st.booleans()):
                holder[key] = data.draw(st.sampled_from(ODD))
            read(b"data: " + orjson.dumps(event) + b"\n\n", False)
        read(b"", True)

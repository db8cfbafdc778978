"""What filters are given in tests."""

from collections.abc import Callable, Mapping
from typing import Any

from plano_extproc.config.agents import Filter as Declared
from plano_extproc.filters import Filter, Passing, Record

PATH = "/v1/chat/completions"
CLIENT = {
    "x-request-id": b"r1",
    "traceparent": b"00-a-b-01",
    "authorization": b"Bearer secret",
    "cookie": b"c",
    "accept-language": b"fr",
}


def filter_of(**keys: Any) -> Filter:
    return Filter.of(Declared.model_validate({"id": "guard", "url": "http://h:10500", **keys}))


def passing(
    records: list[Record] | None = None,
    client: Mapping[str, bytes] = CLIENT,
    clock: Callable[[], float] = lambda: 0.0,
    path: str = PATH,
) -> Passing:
    return Passing(path, client, clock, (records if records is not None else []).append)

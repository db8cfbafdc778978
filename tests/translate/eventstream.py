"""Frames of Amazon's event stream, made by the format's specification and not by the code under test."""

import struct
from typing import Any
from zlib import crc32

import orjson


def frame(headers: dict[str, str], payload: bytes = b"") -> bytes:
    written = b"".join(
        struct.pack(">B", len(name)) + name.encode() + b"\x07" + struct.pack(">H", len(value.encode())) + value.encode()
        for name, value in headers.items()
    )
    return raw(written, payload)


def raw(headers: bytes, payload: bytes = b"") -> bytes:
    lengths = struct.pack(">II", len(headers) + len(payload) + 16, len(headers))
    head = lengths + struct.pack(">I", crc32(lengths)) + headers + payload
    return head + struct.pack(">I", crc32(head))


def event(kind: str, told: Any) -> bytes:
    headers = {":event-type": kind, ":content-type": "application/json", ":message-type": "event"}
    return frame(headers, orjson.dumps(told))


def exception(kind: str, told: Any) -> bytes:
    headers = {":exception-type": kind, ":content-type": "application/json", ":message-type": "exception"}
    return frame(headers, orjson.dumps(told))


def framed(lines: bytes) -> bytes:
    """Return the frames for lines such as `{"event": "messageStart", "told": {...}}`, or with an `exception`."""
    return b"".join(
        exception(line["exception"], line["told"]) if "exception" in line else event(line["event"], line["told"])
        for line in map(orjson.loads, lines.splitlines())
    )

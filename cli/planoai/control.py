"""A word with one worker over its own Unix socket: take this configuration."""

import json
from collections.abc import Mapping
from pathlib import Path

import grpc

from planoai.errors import Failure

_RELOAD = "/plano.control.v1.Control/Reload"
_SECONDS = 20.0


def reload(socket: Path, *, text: str, name: str, environment: Mapping[str, str], generation: int) -> None:
    """Let a worker swap its configuration; returns when it serves the new one, raises `Failure` when it refuses.

    A worker that is just starting is waited for.
    """
    request = {"config": text, "file": name, "environment": dict(environment), "generation": generation}
    options = (("grpc.default_authority", "localhost"), ("grpc.max_send_message_length", -1))
    with grpc.insecure_channel(f"unix:{socket}", options=options) as channel:
        call = channel.unary_unary(_RELOAD, request_serializer=_encode, response_deserializer=_decode)
        try:
            answer = call(json.dumps(request), timeout=_SECONDS, wait_for_ready=True)
        except grpc.RpcError as error:
            details = error.details() if isinstance(error, grpc.Call) else str(error)
            raise Failure(
                f"{socket.stem} did not take the configuration; it says:", quoted=str(details).splitlines()
            ) from None
    if json.loads(answer).get("generation") != generation:
        raise Failure(f"{socket.stem} serves another generation than {generation}")


def _encode(text: str) -> bytes:
    return text.encode()


def _decode(content: bytes) -> str:
    return content.decode()

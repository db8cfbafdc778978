"""The control service on a worker's own Unix socket: `planoai reload` hands over a new configuration.

Who can open the socket can do this, so it is offered on Unix sockets only, in a folder of mode 0700.
Requests and answers are JSON, since nothing here is on the path of a request.
"""

from collections.abc import Callable
from typing import Any

import grpc
import orjson

SERVICE = "plano.control.v1.Control"
METHOD = "Reload"


class ConfigurationError(Exception):
    """The new configuration has errors; the old one stays."""


class Control:
    """`Reload {"config": text, "file": name, "environment": {...}, "generation": n}` answers `{"generation": n}`.

    A configuration with errors answers INVALID_ARGUMENT with all its problems, and the old one stays.
    """

    def __init__(self, reload: Callable[[str, str, dict[str, str], int], int]) -> None:
        self._reload = reload

    async def reload(self, request: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
        """Swap the configuration for exchanges that begin from here on."""
        try:
            asked: dict[str, Any] = orjson.loads(request)
            generation = self._reload(
                str(asked["config"]),
                str(asked["file"]),
                dict(asked.get("environment") or {}),
                int(asked["generation"]),
            )
        except ConfigurationError as error:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        except (ValueError, KeyError, TypeError):
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "not a reload request")
        return orjson.dumps({"generation": generation})

    def handler(self) -> "grpc.GenericRpcHandler[bytes, bytes]":
        """Return the gRPC handler."""
        return grpc.method_handlers_generic_handler(SERVICE, {METHOD: grpc.unary_unary_rpc_method_handler(self.reload)})

"""A rate-limit service as Envoy calls it: real gRPC, and real counting in memory.

    with RateLimitService(domain="plano", limits={("ann", "openai/gpt-4o"): 100}) as service:
        ...                                  # Envoy asks the service at service.port
        assert service.used(("ann", "openai/gpt-4o")) == 60

A subject is the values of a descriptor's entries, in their order. One without a limit is counted and never refused. As
with the service that Envoy's documentation names, what is added counts even where it is refused.
"""

import threading
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Self

import grpc
from envoy_data_plane.envoy.extensions.common.ratelimit.v3 import RateLimitDescriptor
from envoy_data_plane.envoy.service.ratelimit.v3 import (
    RateLimitRequest,
    RateLimitResponse,
    RateLimitResponseCode,
    RateLimitResponseDescriptorStatus,
    RateLimitResponseRateLimit,
    RateLimitResponseRateLimitUnit,
)

Subject = tuple[str, ...]

_WINDOW = timedelta(hours=1)
"""It begins with the service and does not end before it."""


class RateLimitService:
    """Counts by the descriptors that it is sent. `asked` are the requests, in their order."""

    def __init__(self, *, domain: str, limits: Mapping[Subject, int]) -> None:
        self._domain = domain
        self._limits = limits
        self._used: Counter[Subject] = Counter()
        self._lock = threading.Lock()
        self.asked: list[RateLimitRequest] = []
        self._server = grpc.server(ThreadPoolExecutor(4))
        should = grpc.unary_unary_rpc_method_handler(self._should_rate_limit)
        self._server.add_generic_rpc_handlers(
            (
                grpc.method_handlers_generic_handler(
                    "envoy.service.ratelimit.v3.RateLimitService", {"ShouldRateLimit": should}
                ),
            )
        )
        self.port: int = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()

    def used(self, subject: Subject) -> int:
        """Return what was counted for a subject."""
        with self._lock:
            return self._used[subject]

    def close(self) -> None:
        """End the service."""
        self._server.stop(0).wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def _should_rate_limit(self, raw: bytes, context: grpc.ServicerContext) -> bytes:
        asked = RateLimitRequest.parse(raw)
        if asked.domain != self._domain:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"no domain '{asked.domain}'")
        with self._lock:
            self.asked.append(asked)
            told = [self._status(one, asked.hits_addend) for one in asked.descriptors]
        is_over = any(one.code == RateLimitResponseCode.OVER_LIMIT for one in told)
        overall = RateLimitResponseCode.OVER_LIMIT if is_over else RateLimitResponseCode.OK
        return bytes(RateLimitResponse(overall_code=overall, statuses=told))

    def _status(self, descriptor: RateLimitDescriptor, for_all: int) -> RateLimitResponseDescriptorStatus:
        subject = subject_of(descriptor)
        self._used[subject] += (for_all or 1) if descriptor.hits_addend is None else descriptor.hits_addend
        limit = self._limits.get(subject)
        if limit is None:
            return RateLimitResponseDescriptorStatus(code=RateLimitResponseCode.OK)
        used = self._used[subject]
        return RateLimitResponseDescriptorStatus(
            code=RateLimitResponseCode.OVER_LIMIT if used > limit else RateLimitResponseCode.OK,
            current_limit=RateLimitResponseRateLimit(requests_per_unit=limit, unit=RateLimitResponseRateLimitUnit.HOUR),
            limit_remaining=max(limit - used, 0),
            duration_until_reset=_WINDOW,
        )


def subject_of(descriptor: RateLimitDescriptor) -> Subject:
    """Return whose a descriptor is."""
    return tuple(entry.value for entry in descriptor.entries)

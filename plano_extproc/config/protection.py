"""`circuit_breakers`, `outlier_detection` and `health_check` of a provider: what Envoy watches over.

A request that they keep from a provider goes to the next candidate of its chain; without one it is refused with 503.
"""

from typing import Annotated

from pydantic import AfterValidator, Field

from plano_extproc.config.values import Number, Part, PositiveDuration, Whole, refusal

AboveZero = Annotated[Whole, Field(ge=1, le=1_000_000)]


class RetryBudget(Part):
    """How much of a provider's traffic may be further tries."""

    percent: Annotated[Number, Field(ge=0, le=100)] = Field(
        20, description="Share of the requests under way, in percent, that may be followed by another try."
    )
    min_concurrency: Annotated[Whole, Field(ge=0, le=1_000_000)] = Field(
        3, description="How many may be at any time, however few requests there are."
    )


class CircuitBreakers(Part):
    """How much one gateway asks of a provider at once. What is not said is not limited."""

    max_requests: AboveZero | None = Field(None, description="Most requests under way, over HTTP/2 and HTTP/1.1.")
    max_connections: AboveZero | None = Field(None, description="Most connections; further requests wait for one.")
    max_pending_requests: AboveZero | None = Field(None, description="Most requests that wait for a connection.")
    retry_budget: RetryBudget | None = Field(None, description="How many tries after the first there may be.")


class OutlierDetection(Part):
    """When a provider's server is left alone for a while."""

    consecutive_failures: AboveZero = Field(
        5, description="Answers of 500 and above, resets and failed connections in a row after which it is."
    )
    base_ejection_time: PositiveDuration = Field(30.0, description="For how long; each time once more as long.")
    max_ejection_time: PositiveDuration = Field(300.0, description="The longest time.")
    interval: PositiveDuration = Field(1.0, description="How often it is seen whether the time is over.")


def _path(value: str) -> str:
    if not value.startswith("/") or any(char <= " " for char in value):
        raise refusal("is no path", "begin it with a slash, such as /health")
    return value


class HealthCheck(Part):
    """Asks a provider's server whether it is there, before requests do."""

    path: Annotated[str, AfterValidator(_path)] | None = Field(
        None, description="What to GET, without a credential; 200 is healthy. Default: a connection is enough."
    )
    interval: PositiveDuration = Field(10.0, description="How often.")
    timeout: PositiveDuration = Field(2.0, description="How long to wait for the answer.")
    unhealthy_threshold: AboveZero = Field(2, description="Failed checks in a row after which it is not asked.")
    healthy_threshold: AboveZero = Field(1, description="Good ones after which it is asked again.")


class Protection(Part):
    """All of it together, for one provider."""

    circuit_breakers: CircuitBreakers | None = None
    outlier_detection: OutlierDetection | None = None
    health_check: HealthCheck | None = None

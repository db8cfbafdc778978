"""Names of the headers, metadata keys and paths that Envoy's configuration and the sidecar both use.

The rendered Envoy configuration and the gateway meet in these words only. Header names are lower case,
as Envoy hands them over.
"""

PREFIXES = ("x-plano-", "x-arch-")
"""Ours and the peer's. Envoy removes every header with these prefixes on entry, but for `CLIENT_MAY_SEND`."""

HOPS = "x-plano-hops"
"""How many gateways' agents a request has come through. Agents that pass it on cannot call each other in a circle."""

CLIENT_MAY_SEND = (
    HOPS,
    "x-plano-cache",
    "x-plano-key",
    "x-plano-max-switch-spend-pct",
    "x-arch-ratelimit-selector",
)

# Set by the sidecar on the request: the route matches on it, so that what the sidecar did not see goes nowhere.
CLUSTER = "x-plano-cluster"

NOWHERE = "plano_nowhere"
"""The cluster of a request that nobody has decided on."""

ATTEMPT_PREFIX = "attempt_"
"""Of the name of a provider's second cluster, which asks the sidecar once for each try."""

GATED_PREFIX = "gated_"
"""Of the name of the cluster behind the gate of a provider that is watched over."""

HEDGED = "attempt_hedged"
"""The cluster of all tries of a hedged chain; `CLUSTER` then says to its gate where each of them goes."""

CHAIN_ROUTE = "chain"
"""Value of `CLUSTER` for a request with several candidates; the clusters are then in dynamic metadata."""

# Set by the sidecar or by Envoy on the answer.
MODEL = "x-plano-model"
ATTEMPTS = "x-plano-attempts"
ROUTE = "x-plano-route"
AGENT = "x-plano-agent"
ROUTE_REASON = "x-plano-route-reason"
DROPPED = "x-plano-dropped"
LOST = "x-plano-lost"
"""The same, from an attempt to the listener position, which tells the client of it."""
OVERHEAD_MS = "x-plano-overhead-ms"
ESTIMATE = "x-plano-estimate"
CACHE = "x-plano-cache"
PREFIX_HASH = "x-plano-prefix-hash"
"""On a request, by which Envoy chooses among equal servers of a provider; no provider sees it."""

REQUEST_ID = "x-request-id"

INSTANCES = "x-plano-instances"
"""On a request of the sidecar's: there are several equal servers, and another is asked where one fails."""

EGRESS_FAILURE = "x-plano-egress-failure"
"""Set by Envoy on its own answers to the sidecar's requests: what went wrong, by its response flags."""

USAGE = "x-plano-usage"
"""On a request: the dialect whose answers Envoy is to read for tokens. In a stream's metadata: that Envoy can."""

USAGE_NAMESPACE = "envoy.ai.token_usage"
"""Dynamic metadata in which Envoy says what an answer cost."""

# gRPC initial metadata of an ext_proc stream: which listener it belongs to, and for /readyz which
# configuration generation the route was rendered from.
LISTENER = "x-plano-listener"
GENERATION = "x-plano-generation"

# The same, of a stream at the attempt position: the client's path, which try this is, and who serves which.
ATTEMPT = "x-plano-attempt"
"""Also on the answer of a try that others run beside: which one it is."""
BEGUN = "x-plano-begun"
"""When the try began, in seconds since 1970."""
PATH = "x-plano-path"
CANDIDATES = "x-plano-candidates"
OWN = "x-plano-own"
PASSED = "x-plano-passed"
"""Set on a stream whose request passes through to an agent in a protocol of its own."""
COUNTED = "x-plano-counted"
FAILED_STATUS = "x-plano-failed-status"
FAILED_RETRY_AFTER = "x-plano-failed-retry-after"
"""What became of the try before: its number where it has been counted, else its status and when to come back."""

METADATA_NAMESPACE = "plano"
"""Dynamic metadata that the sidecar may set and Envoy's access log reads."""

CHAIN_NAMESPACE = "plano.chain"
"""Dynamic metadata that orders the clusters of a request with several candidates."""

OWN_NAMESPACE = "plano.own"
"""Dynamic metadata of one exchange alone, for its attempts; no log reads it."""

KEPT_NAMESPACE = "plano.kept"
"""Dynamic metadata that holds the client's own body, where the first try sends another; no log reads it."""

TRIED_NAMESPACE = "plano.tried"
"""Dynamic metadata that tells the next attempt what became of the one before."""

FACTS_NAMESPACE = "plano.facts"
"""Dynamic metadata of one exchange for Envoy's access log and later filters: short values, nothing of what was said."""

LOCAL_REPLY_DETAILS_PREFIX = "plano_"
"""`details` of every immediate response begin with this, so that Envoy's error mappers leave its body alone."""

OF_A_DIALECT = ("anthropic-version", "anthropic-beta", "openai-beta")
"""They say which form of its dialect a client speaks."""

OF_A_TRY = (*OF_A_DIALECT, "openai-organization", "openai-project")
"""What one provider's request has and another's must not inherit, beside the credentials."""

CREDENTIALS = (
    "authorization",
    "x-api-key",
    "api-key",
    "x-goog-api-key",
    "x-plano-key",
    "cookie",
    "proxy-authorization",
    "x-amz-date",
    "x-amz-security-token",
    "x-amz-content-sha256",
)
"""What a client may have sent to prove who it is. Never forwarded, unless `passthrough_auth` says so."""

"""Who may call a listener, as far as Envoy checks it by itself: tokens (JWT), and the web pages of CORS."""

import re
from collections.abc import Sequence

from plano_extproc.config import Config
from plano_extproc.config.listeners import Jwt, Listener
from plano_extproc.render.topology import ServiceCluster, Tokens
from plano_extproc.services import upstreams


def tokens(listener: Listener) -> Tokens | None:
    """Return what the tokens of a listener's callers must be; None where it asks for none."""
    jwt = listener.jwt
    return None if jwt is None else Tokens(jwt.issuer, jwt.audiences, _cluster(jwt, 0.0).name, jwt.jwks_uri)


def key_clusters(config: Config) -> tuple[ServiceCluster, ...]:
    """Return where Envoy gets the issuers' public keys, each place once."""
    connect_timeout = config.overrides.upstream_connect_timeout
    found = (_cluster(listener.jwt, connect_timeout) for listener in config.listeners if listener.jwt)
    return tuple({cluster.name: cluster for cluster in found}.values())


def _cluster(jwt: Jwt, connect_timeout: float) -> ServiceCluster:
    (one,) = upstreams("jwks", jwt.jwks_uri, (jwt.jwks_uri,))
    return ServiceCluster(one.cluster, one.scheme, one.hosts, connect_timeout=connect_timeout)


def origin(pattern: str) -> dict[str, object]:
    """Return how Envoy matches an origin, in which "*" stands for any text."""
    return {"safe_regex": {"regex": any_origin((pattern,))}}


def any_origin(patterns: Sequence[str]) -> str:
    """Return the regular expression of what any of the patterns matches."""
    return "|".join(".*".join(map(re.escape, pattern.split("*"))) for pattern in patterns)

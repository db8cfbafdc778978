"""Where a provider is, what it speaks, which path serves a model, and how it is paid."""

from plano_extproc.providers.endpoint import Endpoint, endpoint, endpoints
from plano_extproc.providers.upstream import Upstream, api_for, upstream

__all__ = ["Endpoint", "Upstream", "api_for", "endpoint", "endpoints", "upstream"]

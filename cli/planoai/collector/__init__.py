"""A local collector of spans, shared by `trace`, `obs`, the console and whoever sends OTLP to it.

One process listens on loopback. It takes spans as any OpenTelemetry collector does, keeps the latest in memory, and
answers questions about them on the same port, so that a port is all that others must know.
"""

from typing import Final

SERVICE: Final = "plano.TraceQuery"
"""The gRPC service that answers questions; `server` says which."""

"""The sidecar: an Envoy ext_proc server that routes, translates and guards LLM traffic."""

__version__ = "0.5.0"

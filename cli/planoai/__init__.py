"""The `planoai` command: validates, renders, and runs Envoy and the sidecar."""

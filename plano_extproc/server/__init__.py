"""gRPC, and nothing else: the ext_proc service, its wire format, health, control, and worker processes."""

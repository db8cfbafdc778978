"""How much a client may use."""

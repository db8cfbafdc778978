"""What `planoai demo` shows: a stand-in for a model, prompts through Envoy, and what became of them."""

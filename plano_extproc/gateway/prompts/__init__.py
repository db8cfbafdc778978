"""APIs that are called with what a prompt says."""

"""The user's own services in the path."""

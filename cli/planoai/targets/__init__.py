"""Prompt targets from code and documents that already describe an API."""

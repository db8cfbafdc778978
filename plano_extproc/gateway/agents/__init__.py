"""Agents behind a listener: who of them answers, and in whose words they are asked."""

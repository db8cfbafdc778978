"""Tests of the translation between dialects."""

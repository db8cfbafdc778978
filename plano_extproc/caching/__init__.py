"""Answers that are given again: which request is the same, which may be answered from a store, and what is kept there.

No I/O and no clock; `plano_extproc.gateway.caching.step` reads and writes the store in the running gateway.
"""

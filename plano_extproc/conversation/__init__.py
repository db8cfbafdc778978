"""Conversations that the gateway keeps: turns of the Responses API, what is remembered of users. No I/O and no clock.

`plano_extproc.stores.conversations` reads and writes them in the running gateway.
"""

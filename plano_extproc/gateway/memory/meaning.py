"""Texts as vectors, off the event loop: a sentence takes some milliseconds."""

import asyncio
from collections.abc import Awaitable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from plano_extproc.routing.intent import encoder

_THREAD = ThreadPoolExecutor(1, thread_name_prefix="encoder")
"""One, since the encoder is not made for several."""


class Meaning:
    """The process's encoder. Raises `encoder.EncoderMissing` where its packages are not installed."""

    def __init__(self) -> None:
        self._model = encoder.load()

    def vector(self, text: str) -> Awaitable[Any]:
        """Return the vector of a text, of length 1."""
        loop = asyncio.get_running_loop()
        return loop.run_in_executor(_THREAD, lambda: self._model.embed([text])[0])

    def vectors(self, texts: list[str]) -> Awaitable[Any]:
        """Return the vectors of texts, a row each."""
        loop = asyncio.get_running_loop()
        return loop.run_in_executor(_THREAD, lambda: self._model.embed(texts))

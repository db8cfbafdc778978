"""Streams of every dialect that clients speak, from the golden files."""

from pathlib import Path

from plano_extproc.apis import Api

GOLDEN = Path(__file__).parents[1] / "golden" / "streams"
APIS: tuple[Api, ...] = ("openai.chat", "openai.responses", "anthropic.messages", "gemini.generate")


def streams() -> list[tuple[Api, bytes]]:
    """Return the stream named `text` of each dialect."""
    return [(api, (GOLDEN / api / "text.sse").read_bytes()) for api in APIS]

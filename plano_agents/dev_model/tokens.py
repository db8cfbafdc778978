"""A rough tokenizer: a token is up to six letters or digits, or one other character, and blanks before it."""

import re

_PIECE = re.compile(r"\s*(?:\w{1,6}|[^\w\s])|\s+")


def pieces(text: str) -> list[str]:
    """Split a text into its tokens; joined, they are the text again."""
    return _PIECE.findall(text)


def count(text: str) -> int:
    """Count the tokens of a text."""
    return sum(1 for _ in _PIECE.finditer(text))

"""Descriptions that name no subject, such as "Knowledge questions": what people say to such an agent is known."""

import re
from collections.abc import Mapping
from typing import Final


def phrases(description: str) -> tuple[str, ...]:
    """Return what people say to what is described in general words only; nothing where a subject is named."""
    told = set(_WORD.findall(description.lower())) - _FILLING
    return next((said for kinds, said in _SAID.items() if told and told <= kinds), ())


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


_WORD: Final = re.compile(r"[a-z]+")
_FILLING: Final = _set(
    "a all and any basic casual common everyday for friendly general of or other the user users with"
)

_SAID: Final[Mapping[frozenset[str], tuple[str, ...]]] = {
    _set("knowledge question questions q faq faqs answers answer answering explanation explanations"): (
        "Explain how this works",
        "Explain the rules",
        "What does this mean?",
        "What is the difference between these two?",
        "How does this work?",
        "Why is it so?",
        "Describe the concept",
        "Tell me more about it",
    ),
    _set("chat chats chatting chitchat conversation conversations greeting greetings small smalltalk talk"): (
        "Hello",
        "Good morning, how are you?",
        "Tell me a joke",
        "Thank you",
        "Let us chat",
    ),
}
"""By the words of which all of a description is made."""

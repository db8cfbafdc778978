"""Disengagement: the user is angry, asks for a person, or gives up."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from plano_extproc.signals.misalignment import begins_with
from plano_extproc.signals.phrases import Exact, Near, frames
from plano_extproc.signals.words import Words

NEGATIVE: Final = "interaction.disengagement.negative_stance"
ESCALATION: Final = "interaction.disengagement.escalation"
QUIT: Final = "interaction.disengagement.quit"

_VERBS: Final = (
    "speak to", "talk to", "connect me to", "connect me with", "transfer me to", "get me", "chat with",
)  # fmt: skip
_TARGETS: Final = (
    "a human",
    "a person",
    "a real person",
    "an actual person",
    "a supervisor",
    "a manager",
    "customer service",
    "customer support",
    "support",
    "tech support",
    "help desk",
)

ESCALATIONS: Final = (*frames(_VERBS, _TARGETS), "escalate this")

QUITS: Final = (
    "I give up",
    "I'm giving up",
    "I quit",
    "forget it",
    "forget about it",
    "never mind then",
    "I'm done with this",
    "I'm done here",
    "I'm done talking to you",
    "going elsewhere",
    "I'll go elsewhere",
    "I'll try something else",
    "I'll find someone else",
    "cancel my account",
    "cancel my subscription",
    "this is pointless",
    "waste of my time",
    "there's no point",
    "stop wasting my time",
)

PROFANITY: Final = (
    "fuck you", "fuck off", "fuck this", "fucking useless", "fucking stupid", "fucking idiot", "fucking bot",
    "what the fuck", "wtf is this", "wtf are you doing", "are you fucking kidding me", "this is bullshit",
    "that's bullshit", "you're full of shit", "piece of shit", "this is shit", "you're shit", "shitty bot",
    "shitty answer", "this is crap", "you're crap", "what a load of crap", "piece of crap", "you suck",
    "this sucks", "you're an idiot", "you idiot", "you moron", "you're a moron", "you're stupid", "stupid bot",
    "stupid machine", "dumb bot", "dumbass", "damn you", "go to hell", "screw you",
)  # fmt: skip

COMPLAINTS: Final = (
    "you're useless", "you are useless", "this is useless", "that's useless", "completely useless",
    "you're not helping", "you are not helping me", "that's not helpful", "that doesn't help", "not helpful at all",
    "you're no help", "no help at all", "this is terrible", "that's terrible", "this is awful", "this is horrible",
    "this is ridiculous", "that's ridiculous", "this is unacceptable", "this is frustrating", "I'm frustrated",
    "so frustrating", "this is annoying", "you're annoying me", "I'm annoyed", "I'm angry", "I'm disappointed",
    "very disappointed", "this is disappointing", "I'm sick of this", "I'm tired of this", "I'm fed up",
    "this doesn't work", "it still doesn't work", "nothing works", "it keeps failing", "you keep repeating yourself",
    "you're not listening", "are you even listening", "worst service ever", "worst bot ever", "I hate this",
    "you don't understand anything",
)  # fmt: skip

POSITIVE: Final = (
    "thanks", "thank you", "great", "awesome", "perfect", "excellent", "amazing", "wonderful", "fantastic", "nice",
    "cool", "wow", "yes", "yay", "hooray", "love it", "good job", "well done", "brilliant", "congratulations", "hello",
)  # fmt: skip
"""Beginnings of a message that is no complaint, however loud."""

_ALL_MARKS: Final = re.compile(r"\?\?|!!|[?!]{3,}")
_LOUD: Final = re.compile(r"\?{2,}!|!\?{2,}|\?{3,}|!{3,}|[?!]{4,}")

_ESCALATION: Final = Near(*ESCALATIONS)
_QUIT: Final = Near(*QUITS)
_PROFANITY: Final = Near(*PROFANITY)
_COMPLAINT: Final = Near(*COMPLAINTS)

_PEOPLE: Final = (
    *_TARGETS,
    *("human", "your manager", "your supervisor", "the manager", "a human being", "a human agent", "a live agent"),
    *("a real human", "a representative", "an agent", "someone in support", "your support", "the support team"),
    *("a live person", "a human operator", "an operator", "a support agent"),
)
_BEFORE: Final = (*_VERBS, "speak with", "talk with", "chat to", "transfer me", "put me through to", "connect me")

STANDARD: Final = (
    (
        ESCALATION,
        Exact(
            (
                *frames(_BEFORE, _PEOPLE),
                *("escalate this", "mit einem menschen sprechen", "hablar con una persona", "hablar con un humano"),
                *("parler à un humain", "parler à un conseiller", "falar com um humano", "falar com uma pessoa"),
            )
        ),
    ),
    (NEGATIVE, Exact((*PROFANITY, *COMPLAINTS, "das ist nutzlos", "esto es inútil", "c'est inutile", "isso é inútil"))),
    (QUIT, Exact((*QUITS, "ich gebe auf", "me rindo", "laisse tomber", "eu desisto"))),
)
"""Types and phrases; unlike those of other families they do not exclude each other."""


def compatible(said: Sequence[tuple[int, Words]], raw: Sequence[str]) -> Iterator[tuple[str, int, float, str]]:
    """Yield type, index, confidence and phrase for the user's rows, given with their indices and their own text."""
    for (index, row), text in zip(said, raw, strict=True):
        if is_shouted(text, letters=10):
            yield NEGATIVE, index, 1.0, "upper case"
        if not begins_with(row.tokens, POSITIVE) and (marks := _ALL_MARKS.search(text)):
            yield NEGATIVE, index, 1.0, marks[0]
        escalation, profanity = _ESCALATION.find(row), _PROFANITY.find(row)
        if profanity:
            yield NEGATIVE, index, 1.0, profanity
        elif not escalation and (complaint := _COMPLAINT.find(row)):
            yield NEGATIVE, index, 1.0, complaint
        if escalation:
            yield ESCALATION, index, 1.0, escalation
        if found := _QUIT.find(row):
            yield QUIT, index, 1.0, found


def is_shouted(text: str, *, letters: int) -> bool:
    """Whether at least so many letters stand in a text, and four in five of those that have a case are capitals."""
    cased = [char.isupper() for char in text if char.isalpha() and char.lower() != char.upper()]
    return len(cased) >= letters and sum(cased) >= 0.8 * len(cased)


def is_loud(text: str, words: Sequence[bytes]) -> bool:
    """Whether a text shouts in standard mode: by its marks, or by capitals in a sentence of three words or more.

    `words` are those of the text, in lower case. One that begins with a word of praise does not shout.
    """
    # All that is loud has one of these pairs in it, which is seen before the expression is tried at every place.
    is_marked = ("?" in text or "!" in text) and ("??" in text or "!!" in text or "!?" in text)
    if is_marked and words and _LOUD.search(text):
        return words[0].decode() not in POSITIVE
    if not text.isupper() or len(words) < 3 or words[0].decode() in POSITIVE:
        return False
    return is_shouted(text, letters=12)

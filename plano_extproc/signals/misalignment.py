"""Misalignment: the user corrects, says it again in other words, or does not understand."""

from collections.abc import Iterator, Sequence
from typing import Final

from plano_extproc.signals.phrases import Exact, Near
from plano_extproc.signals.words import Words

CORRECTIONS: Final = (
    *(f"{no}, I {verb}" for no in ("no", "nah", "nope") for verb in ("meant", "said", "asked")),
    "that's not what I meant",
    "that's not what I said",
    "that's not what I asked",
    "not what I said",
    "not what I asked",
    "not what I meant",
    "I didn't ask for that",
    "I didn't say that",
    "that's not right",
    "that's not correct",
    "you're not quite right",
    "you're wrong",
    "you are wrong about that",
    "you misunderstood me",
    "you got that wrong",
    "you made a mistake",
    "I already told you",
    "I already said that",
    "I was asking about",
)

MARKERS: Final = (
    "let me rephrase",
    "in other words",
    "let me put it another way",
    "what I'm trying to say",
    "to put it differently",
)

CONFUSIONS: Final = (
    "what do you mean",
    "what does that mean",
    "what are you saying",
    "what are you talking about",
    "I don't understand",
    "I don't get it",
    "I don't follow",
    "I do not understand",
    "I'm confused",
    "I'm not following",
    "I'm lost",
    "can't follow",
    "can't understand",
    "can you clarify",
    "could you clarify",
    "please clarify",
    "can you explain that again",
    "could you explain that again",
    "that's confusing",
    "that doesn't make sense",
    "this makes no sense",
    "makes no sense to me",
    "it's not clear",
    "that's unclear to me",
    "what's that supposed to mean",
    "you lost me",
    "huh what",
)

CONFIRMING: Final = (
    "yes", "yeah", "yep", "yup", "sure", "ok", "okay", "right", "correct", "exactly", "that's right", "sounds good",
)  # fmt: skip
"""Beginnings of an agreement, which repeats words of the other side without being a rephrase."""

STOPWORDS: Final = frozenset(
    [
        "a",
        "about",
        "above",
        "after",
        "again",
        "against",
        "all",
        "am",
        "an",
        "and",
        "any",
        "are",
        "aren't",
        "as",
        "at",
        "be",
        "because",
        "been",
        "before",
        "being",
        "below",
        "between",
        "both",
        "but",
        "by",
        "can",
        "could",
        "couldn't",
        "did",
        "didn't",
        "do",
        "does",
        "doesn't",
        "doing",
        "don't",
        "during",
        "each",
        "few",
        "for",
        "from",
        "further",
        "had",
        "has",
        "have",
        "having",
        "he",
        "her",
        "here",
        "hers",
        "him",
        "his",
        "how",
        "i",
        "if",
        "in",
        "into",
        "is",
        "isn't",
        "it",
        "it's",
        "its",
        "just",
        "me",
        "more",
        "most",
        "my",
        "myself",
        "no",
        "nor",
        "not",
        "of",
        "off",
        "on",
        "once",
        "only",
        "or",
        "other",
        "our",
        "ours",
        "out",
        "over",
        "own",
        "same",
        "she",
        "should",
        "so",
        "some",
        "such",
        "than",
        "that",
        "the",
        "their",
        "theirs",
        "them",
        "then",
        "there",
        "these",
        "they",
        "this",
        "those",
        "through",
        "to",
        "too",
        "under",
        "until",
        "up",
        "us",
        "very",
        "was",
        "we",
        "were",
        "what",
        "when",
        "where",
        "which",
        "while",
        "who",
        "whom",
        "why",
        "will",
        "with",
        "would",
        "you",
        "your",
        "yours",
    ]
)

_STOPPED: Final = STOPWORDS | {word.replace("'", "") for word in STOPWORDS}
"""With and without apostrophes, as the modes spell words."""

_COMPATIBLE: Final = (
    ("correction", Near(*CORRECTIONS)),
    ("rephrase", Near(*MARKERS)),
    ("clarification", Near(*CONFUSIONS)),
)

_STANDARD: Final = (
    (
        "correction",
        Exact((*CORRECTIONS, "das meinte ich nicht", "no es lo que pedí", "ce n'est pas ce que", "não foi isso que")),
    ),
    ("rephrase", Exact((*MARKERS, "anders gesagt", "en otras palabras", "en d'autres termes", "em outras palavras"))),
    (
        "clarification",
        Exact(
            (
                *(phrase for phrase in CONFUSIONS if phrase != "huh what"),
                "ich verstehe nicht",
                "no entiendo",
                "je ne comprends pas",
                "não entendi",
            )
        ),
    ),
)

STANDARD: Final = tuple((f"interaction.misalignment.{leaf}", phrases) for leaf, phrases in _STANDARD)
"""Types and phrases in the order in which they are looked for; a message has one at most."""


def compatible(said: Sequence[tuple[int, Words]]) -> Iterator[tuple[str, int, float, str]]:
    """Yield type, index, confidence and phrase for the user's rows, given with their indices."""
    for place, (index, row) in enumerate(said):
        hit = next(((leaf, found) for leaf, phrases in _COMPATIBLE if (found := phrases.find(row))), None)
        if hit is not None:
            yield f"interaction.misalignment.{hit[0]}", index, 1.0, hit[1]
        elif place and index - said[place - 1][0] <= _REACH and is_rephrase(said[place - 1][1].tokens, row.tokens):
            yield "interaction.misalignment.rephrase", index, 0.8, ""


def is_rephrase(earlier: Sequence[str], later: Sequence[str]) -> bool:
    """Whether a message says mostly what the one before it said."""
    if len(earlier) < 3 or len(later) < 3 or begins_with(later, CONFIRMING):
        return False
    one, other = set(earlier) - _STOPPED, set(later) - _STOPPED
    if len(one) < 4 or len(other) < 4:
        return False
    shared = len(one & other)
    return (len(other) - shared) / len(other) <= 0.5 and shared / min(len(one), len(other)) >= 0.75


def begins_with(tokens: Sequence[str], prefixes: Sequence[str]) -> bool:
    """Whether a text begins with one of these, as whole words."""
    text = f"{' '.join(tokens[:4])} "
    return text.startswith(tuple(f"{prefix} " for prefix in prefixes))


_REACH: Final = 3
"""Rows between two messages of the user's that are still compared: an answer, with a call and its result."""

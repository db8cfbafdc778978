"""What the stand-in says: rules from a table, the first that fits."""

import re
from collections.abc import Callable
from typing import Final

from plano_agents.dev_model import arithmetic
from plano_agents.dev_model.ask import Ask

_LONGEST_ECHO = 400


def reply(ask: Ask, text: str) -> str:
    """Answer a user's text by the first rule that has something to say."""
    said = next(said for rule in RULES if (said := rule(ask, text)) is not None)
    return f"[development stand-in, asked as {ask.model}] {said}"


def _tool_results(ask: Ask, _text: str) -> str | None:
    results = ask.turns[-1].results
    if not results:
        return None
    return " ".join(
        f"The tool {result.name} {'failed' if result.is_error else 'answered'}: {_short(result.text)}"
        for result in results
    )


def _images(ask: Ask, _text: str) -> str | None:
    images = ask.turns[-1].images
    if not images:
        return None
    return f"I was sent {images} image{'s' if images > 1 else ''}, which I cannot see. {_echo(ask, _text)}"


def _arithmetic(_ask: Ask, text: str) -> str | None:
    found = arithmetic.sum_in(text)
    return f"{found[0]} = {found[1]}" if found else None


def _identity(ask: Ask, text: str) -> str | None:
    if not re.search(
        r"\b(who|what|which model) are you\b|\bwhich model\b|\bwhat model\b|\byour name\b",
        text,
        re.IGNORECASE,
    ):
        return None
    return f"I am the development model, a local stand-in and not a language model. I was asked as {ask.model}."


def _remembered_name(ask: Ask, text: str) -> str | None:
    if not re.search(r"\bmy name\b\s*\?|\bwho am i\b", text, re.IGNORECASE):
        return None
    for turn in reversed(ask.turns[:-1]):
        if turn.role == "user" and (found := re.search(r"\b[Mm]y name is (\w+)|\bI am ([A-Z]\w+)", turn.text)):
            return f"Your name is {found.group(1) or found.group(2)}."
    return "You have not told me your name."


def _greeting(_ask: Ask, text: str) -> str | None:
    found = re.match(r"\s*(hello|hi|hey|good (?:morning|evening|afternoon)|bonjour|hallo)\b", text, re.IGNORECASE)
    return "Hello! I am here for trying out the gateway. How can I help?" if found else None


def _weather(_ask: Ask, text: str) -> str | None:
    found = re.search(r"\b(weather|forecast|rain|sunny|temperature)\b", text, re.IGNORECASE)
    return "I always forecast 21 degrees and light clouds, for every place and day." if found else None


def _code(_ask: Ask, text: str) -> str | None:
    found = re.search(r"\b(code|function|program|script|python|bug)\b", text, re.IGNORECASE)
    return 'A start in Python: def main() -> None: print("hello")' if found else None


def _thanks(_ask: Ask, text: str) -> str | None:
    return "You are welcome." if re.match(r"\s*(thanks|thank you)\b", text, re.IGNORECASE) else None


def _echo(_ask: Ask, text: str) -> str:
    return f"You wrote: {_short(text)}" if text.strip() else "You wrote nothing."


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST_ECHO else f"{text[:_LONGEST_ECHO]} ..."


RULES: Final[tuple[Callable[[Ask, str], str | None], ...]] = (
    _tool_results,
    _images,
    _identity,
    _remembered_name,
    _arithmetic,
    _greeting,
    _thanks,
    _weather,
    _code,
    _echo,
)

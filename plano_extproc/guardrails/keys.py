"""Finds keys and tokens: those that well-known issuers mark, and random-looking words where a secret is named."""

import re
from collections.abc import Iterator
from math import log2
from typing import Final

Span = tuple[int, int]


def keys(text: str, start: int) -> Iterator[Span]:
    """Yield where keys stand in the text, from `start` on."""
    for found in _RUN.finditer(text, start):
        run = found.group()
        marked = _MARKED.search(run)
        if marked is not None:
            yield found.start() + marked.start(), found.start() + marked.end()
        elif (
            len(run) >= _SHORTEST
            and _is_random(run)
            and _NAMED.search(text[max(0, found.start() - 48) : found.start()])
        ):
            yield found.span()


def _is_random(run: str) -> bool:
    """Tell a random word from a path, a name or a sentence by its kinds of characters and their entropy."""
    kinds = (any(map(str.isdigit, run)), any(map(str.islower, run)), any(map(str.isupper, run)))
    if sum(kinds) < 2 or not kinds[0]:
        return False
    entropy = -sum(share * log2(share) for share in (run.count(sign) / len(run) for sign in set(run)))
    return entropy >= _ENTROPY


_RUN: Final = re.compile(r"(?<![\w-])[A-Za-z0-9_][\w.~+/-]{18,}={0,2}", re.ASCII)
"""Characters that keys are written in; every marked key is longer than this."""

_SHORTEST: Final = 20
_ENTROPY: Final = 3.0
"""Bits a character. Twenty random hexadecimal digits have 3.3 on average, English words run together about 3."""

_NAMED: Final = re.compile(
    r"(?:api[_ -]?key|access[_ -]?key|secret|token|passw(?:or)?d|credential|bearer|authorization|auth[_ -]?key)"
    r"""[\w\- ]{0,12}["'`]?\s{0,2}(?:[:=]|=>|is|:=)?\s{0,2}["'`]?(?:bearer\s)?\Z""",
    re.IGNORECASE,
)

_MARKED: Final = re.compile(
    r"""(?<![A-Za-z0-9])(?:
      sk-(?:[a-z]{2,10}-)*[A-Za-z0-9_-]{20,}         # OpenAI, Anthropic, OpenRouter
    | (?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Za-z0-9])  # AWS
    | (?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_\w{22,})
    | glpat-[\w-]{20,}
    | xox[abeprs]-[A-Za-z0-9-]{10,}                  # Slack
    | AIza[\w-]{35}
    | ya29\.[\w-]{20,}
    | (?:sk|pk|rk)_(?:live|test)_[A-Za-z0-9]{16,}    # Stripe
    | SG\.[\w-]{16,}\.[\w-]{16,}
    | npm_[A-Za-z0-9]{36}
    | pypi-[\w-]{50,}
    | hf_[A-Za-z0-9]{30,}
    | (?:gsk|xai|nvapi|r8|dop_v1|shpat|dapi)[_-]?[A-Za-z0-9_-]{30,}
    | eyJ[\w-]{8,}\.eyJ[\w-]{8,}(?:\.[\w-]*)?        # JSON web token
    )""",
    re.VERBOSE | re.ASCII,
)

"""A matcher that remembers: an agent's loop asks about the same words of its user again and again."""

import hashlib
from collections import OrderedDict
from typing import Final

from plano_extproc.routing.intent.route import Match, Matcher

_KEPT: Final = 512


class Remembering:
    """Looks a text up that was matched a short while ago. Of texts, only digests are kept."""

    def __init__(self, matcher: Matcher) -> None:
        self._matcher = matcher
        self._known: OrderedDict[bytes, Match] = OrderedDict()
        self.kind = matcher.kind

    def match(self, text: str) -> Match:
        """Return the route that `text` asks for."""
        key = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._matcher.match(text)
            if len(self._known) > _KEPT:
                self._known.popitem(last=False)
        else:
            self._known.move_to_end(key)
        return found

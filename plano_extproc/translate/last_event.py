"""The last event of a stream, at which many clients hang up before the answer has ended."""

import re
from collections.abc import Mapping
from typing import Final

from plano_extproc.apis import Api


class LastEvent:
    """Looks for the event after which a dialect says nothing more. Gemini's streams have none."""

    def __init__(self, api: Api) -> None:
        self._line = _LINES.get(api)
        self._is_begun = False
        self._rest = b"\n"

    def feed(self, chunk: bytes) -> bool:
        """Return whether the event is over with this piece of the stream, which may be cut anywhere."""
        if self._line is None:
            return False
        held = self._rest + chunk
        if not self._is_begun:
            found = self._line.search(held)
            if found is None:
                self._rest = held[-_LONGEST:]
                return False
            self._is_begun = True
            held = held[found.end() :]
        self._rest = held[-3:]
        return _BLANK.search(held) is not None


_LINES: Final[Mapping[Api, re.Pattern[bytes]]] = {
    "openai.chat": re.compile(rb"[\r\n]data: ?\[DONE\]"),
    "anthropic.messages": re.compile(rb"[\r\n]event: ?message_stop"),
    "openai.responses": re.compile(rb"[\r\n]event: ?response\.(?:completed|incomplete|failed)"),
}
_LONGEST: Final = len(b"\nevent: response.incomplete")
_BLANK: Final = re.compile(rb"\n\r?\n|\r\r")

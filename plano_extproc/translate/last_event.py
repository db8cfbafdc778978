"""The last event of a stream, at which many clients hang up before the answer has ended."""

import re
from collections.abc import Mapping
from typing import Final

from plano_extproc.apis import Api


class LastEvent:
    """Looks for the event after which a dialect says nothing more. Gemini's streams have none."""

    def __init__(self, api: Api) -> None:
        self._marks = _MARKS.get(api, ())
        self._is_begun = False
        self._rest = b"\n"

    def feed(self, chunk: bytes) -> bool:
        """Return whether the event is over with this piece of the stream, which may be cut anywhere."""
        if not self._marks:
            return False
        held = self._rest + chunk
        if not self._is_begun:
            end = self._begun(held)
            if end < 0:
                self._rest = held[-_LONGEST:]
                return False
            self._is_begun = True
            held = held[end:]
        self._rest = held[-3:]
        return _BLANK.search(held) is not None

    def _begun(self, held: bytes) -> int:
        """Return where the line ends that begins the event, -1 where there is none."""
        for mark in self._marks:
            # Looking for a word is many times as fast as looking for the line.
            if mark in held and (found := _LINE.search(held)):
                return found.end()
        return -1


_MARKS: Final[Mapping[Api, tuple[bytes, ...]]] = {
    "openai.chat": (b"[DONE]",),
    "anthropic.messages": (b"message_stop",),
    "openai.responses": (b"response.completed", b"response.incomplete", b"response.failed"),
}
_LINE: Final = re.compile(
    rb"[\r\n](?:data: ?\[DONE\]|event: ?(?:message_stop|response\.(?:completed|incomplete|failed)))"
)
_LONGEST: Final = len(b"\nevent: response.incomplete")
_BLANK: Final = re.compile(rb"\n\r?\n|\r\r")

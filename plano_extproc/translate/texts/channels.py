"""The texts that run side by side in one streamed answer, each through a window of its own."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from plano_extproc.translate.texts.place import Kind, leaves, replaced
from plano_extproc.translate.texts.windows import JsonWindow, Window, whole


@dataclass(frozen=True, slots=True)
class Channel:
    """One text of the answer: what it is, and which; `where` begins with the choice, block, item or candidate."""

    kind: Kind
    where: tuple[str | int, ...]


WindowFor = Callable[[Channel], Window]
"""Makes a window for a channel. For tools' arguments it is asked for each text within them."""


class Channels:
    """The windows of the channels that are open."""

    def __init__(self, window_for: WindowFor) -> None:
        self._window_for = window_for
        self._open: dict[Channel, Window] = {}

    def fresh(self, channel: Channel, *, is_json: bool = False) -> Window:
        """Return a new window for this channel."""
        if is_json:
            return JsonWindow(lambda: self._window_for(channel))
        return self._window_for(channel)

    def feed(self, channel: Channel, text: str, *, is_json: bool = False) -> str:
        """Return what of the channel may go on; the first piece opens it."""
        window = self._open.get(channel)
        if window is None:
            window = self._open[channel] = self.fresh(channel, is_json=is_json)
        return window.feed(text)

    def close(self, channel: Channel) -> str:
        """Return what was held back; nothing where the channel is not open."""
        window = self._open.pop(channel, None)
        return "" if window is None else window.end()

    def under(self, *where: str | int) -> list[Channel]:
        """Return the open channels of one choice, block, item or candidate, or of all."""
        return [channel for channel in self._open if channel.where[: len(where)] == where]

    def whole(self, channel: Channel, text: str, *, is_json: bool = False) -> str:
        """Return what becomes of a text that comes in one piece."""
        return whole(self.fresh(channel, is_json=is_json), text)

    def value(self, channel: Channel, value: Any) -> Any:
        """Return any JSON value with the texts in it seen."""
        edits = {
            place.path: made
            for place in leaves(value, "assistant", channel.kind, ("value",))
            if (made := self.whole(channel, place.text)) != place.text
        }
        return replaced({"value": value}, edits)["value"] if edits else value


def each(value: Any) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the objects of a list with their positions; anything else has none."""
    for at, held in enumerate(value if isinstance(value, list) else ()):
        if isinstance(held, dict):
            yield at, held

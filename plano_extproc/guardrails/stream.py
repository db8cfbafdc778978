"""Guards on an answer that streams: windows for `translate.texts.TextStream`, and what cannot be done in windows."""

from dataclasses import dataclass, field

from plano_extproc.config.policies import Guards
from plano_extproc.guardrails._windows import PiiWindow
from plano_extproc.guardrails.check import refusal
from plano_extproc.guardrails.redaction import Restore, RestoreWindow
from plano_extproc.guardrails.verdict import Record
from plano_extproc.translate.texts import Chain, Channel, Place, Window


def needs_whole(guards: Guards | None) -> bool:
    """Tell whether an answer can be judged only when all of it is there; then it must not be passed on before."""
    return guards is not None and bool(guards.jailbreak or guards.topics or guards.moderation)


def is_read(guards: Guards | None, restore: Restore | None) -> bool:
    """Tell whether the answer must be read in line at all."""
    return restore is not None or (guards is not None and (guards.pii is not None or needs_whole(guards)))


@dataclass(slots=True)
class Windows:
    """The windows of one answer. `window_for` is what `TextStream` takes; refusals come out of its `feed`.

    Personal data that the model itself writes is looked for first; then the caller's own is put back. What stands
    between the two is noted in `heard`, if given, for guards that judge the answer when it is over.
    """

    guards: Guards | None
    restore: Restore | None = None
    heard: list[Place] | None = None
    _made: list[PiiWindow] = field(default_factory=list)

    def window_for(self, channel: Channel) -> Window:
        """Return a window for one text of the answer."""
        windows: list[Window] = []
        pii = self.guards.pii if self.guards else None
        if pii is not None:
            own = PiiWindow(pii.entities, refusal("pii", pii) if pii.action == "block" else None)
            self._made.append(own)
            windows.append(own)
        if self.heard is not None:
            windows.append(_Hearing(channel, self.heard))
        if self.restore is not None:
            windows.append(RestoreWindow(self.restore))
        return windows[0] if len(windows) == 1 else Chain(windows)

    def record(self, milliseconds: float) -> Record | None:
        """Return what became of personal data, when the answer is over; `milliseconds` were spent in windows."""
        if not self._made:
            return None
        count = sum(window.found for window in self._made)
        return Record("pii", "output", "redact" if count else "allow", milliseconds, count)


class _Hearing:
    """Notes a text when it is over, and leaves it as it is."""

    def __init__(self, channel: Channel, heard: list[Place]) -> None:
        self._channel = channel
        self._heard = heard
        self._pieces: list[str] = []

    def feed(self, text: str) -> str:
        self._pieces.append(text)
        return text

    def end(self) -> str:
        text = "".join(self._pieces)
        if text:
            self._heard.append(Place(text, "assistant", self._channel.kind, (len(self._heard),)))
        return ""

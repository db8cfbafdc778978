from plano_extproc.routing.intent.remember import Remembering
from plano_extproc.routing.intent.route import Match


class Counting:
    """A matcher that counts the texts that it reads."""

    kind = "counting"

    def __init__(self) -> None:
        self.read: list[str] = []

    def match(self, text: str) -> Match:
        self.read.append(text)
        return Match(None, len(text) / 1000)


def test_a_text_is_read_once() -> None:
    matcher = Counting()
    remembering = Remembering(matcher)

    assert [remembering.match(text).score for text in ("a", "bb", "a", "a\ud800")] == [0.001, 0.002, 0.001, 0.002]
    assert matcher.read == ["a", "bb", "a\ud800"]
    assert remembering.kind == "counting"


def test_what_was_not_asked_for_longest_is_forgotten() -> None:
    matcher = Counting()
    remembering = Remembering(matcher)
    for number in range(600):
        remembering.match(str(number))
        remembering.match("often")
    matcher.read.clear()
    for text in ("often", "599", "0"):
        remembering.match(text)

    assert matcher.read == ["0"]

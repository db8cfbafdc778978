import pytest

from planoai import output


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0s"), (0.9, "0s"), (4, "4s"), (60, "1m"), (200, "3m 20s"), (7500, "2h 5m"), (3605, "1h"), (522_000, "6d 1h")],
)
def test_durations_read_as_people_say_them(seconds: float, words: str) -> None:
    assert output.duration(seconds) == words

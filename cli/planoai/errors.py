"""The one error that a command ends with on purpose."""

from collections.abc import Sequence


class Failure(Exception):
    """A command cannot do what was asked. The exit code is 1.

    `message` says what is wrong, `quoted` is what others said about it, such as the end of a log, `advice` what to do.
    """

    def __init__(self, message: str, *advice: str, quoted: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice
        self.quoted = tuple(quoted)

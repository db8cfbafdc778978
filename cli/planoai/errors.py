"""The one error that a command ends with on purpose."""


class Failure(Exception):
    """A command cannot do what was asked. Says what is wrong; `advice` says what to do. The exit code is 1."""

    def __init__(self, message: str, *advice: str) -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice

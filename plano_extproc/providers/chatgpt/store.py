"""The file that keeps a ChatGPT login: private, replaced whole, and changed by one process at a time.

    PLANO_HOME/chatgpt/     0700
        auth.json           0600, the tokens
        lock                held while they change, over a renewal's whole exchange with the issuer

A refresh token is good for one use. Two processes that renew at once, or a login between a renewal's question and
its answer, would end with a dead one in the file; the lock rules that out.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from plano_extproc.providers.chatgpt.tokens import Tokens, UnreadableTokens, parse

_State = tuple[int, int, int]


class Store:
    """The login of one PLANO_HOME. Many processes may hold a `Store` of the same file."""

    def __init__(self, root: Path) -> None:
        """Keep the login below `root`, a PLANO_HOME. Nothing is made before something is saved."""
        self.path = root / "chatgpt" / "auth.json"
        self._seen: _State | None = None
        self._read: Tokens | UnreadableTokens | None = None

    def load(self) -> Tokens | None:
        """Return the login, None when there is none. Raises `UnreadableTokens`.

        The file is read again only after it was replaced, so that this may be called for every request.
        """
        try:
            found = self.path.stat()
        except (FileNotFoundError, NotADirectoryError):
            self._seen = self._read = None
            return None
        except OSError as error:
            raise UnreadableTokens(_reason(error)) from None
        state = (found.st_ino, found.st_mtime_ns, found.st_size)
        if state != self._seen:
            self._read = self._parsed()
            self._seen = state
        if isinstance(self._read, UnreadableTokens):
            raise UnreadableTokens(*self._read.args)
        return self._read

    def _parsed(self) -> Tokens | UnreadableTokens | None:
        try:
            return parse(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except UnreadableTokens as error:
            return error
        except UnicodeDecodeError:
            return UnreadableTokens("it is not UTF-8 text")
        except OSError as error:
            return UnreadableTokens(_reason(error))

    def save(self, tokens: Tokens) -> None:
        """Replace the login; a reader sees the old one or the new. Hold the lock."""
        partial = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                os.fchmod(file.fileno(), 0o600)
                file.write(tokens.serialise())
                file.flush()
                # A refresh token that is lost with the power cannot be had again.
                os.fsync(file.fileno())
            partial.replace(self.path)
        finally:
            partial.unlink(missing_ok=True)

    def delete(self) -> bool:
        """Forget the login; False when there was none. Hold the lock."""
        try:
            self.path.unlink()
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True

    @contextlib.contextmanager
    def locked(self, *, wait: bool = True) -> Iterator[bool]:
        """Hold the login against other processes. Without `wait`, yields False when another one holds it."""
        folder = self.path.parent
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            yield _lock(descriptor, wait=wait)
        finally:
            os.close(descriptor)


def _lock(descriptor: int, *, wait: bool) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    return True


def _reason(error: OSError) -> str:
    return error.strerror or "it cannot be opened"

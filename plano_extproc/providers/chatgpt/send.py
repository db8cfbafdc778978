"""Carries a question to the login server and its answer back. Blocks; see `planoai.sign_in` and `server.refresher`."""

import http.client
import urllib.error
import urllib.request
from typing import Final

from plano_extproc import __version__
from plano_extproc.providers.chatgpt.issuer import Ask, Reply, Unreachable

TIMEOUT: Final = 20.0
"""Seconds for a connection, and for each piece of an answer."""

_LONGEST_ANSWER: Final = 1 << 20


def send(ask: Ask, timeout: float = TIMEOUT) -> Reply:
    """Return the answer, whatever its status. Raises `Unreachable`. Proxies are those of the environment."""
    request = urllib.request.Request(  # noqa: S310 - `Issuer` lets http and https pass, nothing else
        ask.url,
        data=ask.body,
        method="POST",
        headers={"content-type": ask.content_type, "accept": "application/json", "user-agent": f"plano/{__version__}"},
    )
    try:
        with urllib.request.build_opener(_StayHere).open(request, timeout=timeout) as answer:
            return Reply(answer.status, answer.read(_LONGEST_ANSWER))
    except urllib.error.HTTPError as answer:
        with answer:
            return Reply(answer.code, _rest(answer))
    except TimeoutError:
        raise Unreachable(f"the login server did not answer within {timeout:g} s") from None
    except urllib.error.URLError as error:
        raise Unreachable(f"the login server cannot be reached: {error.reason}") from None
    except (OSError, http.client.HTTPException) as error:
        raise Unreachable(f"the login server broke off: {error or type(error).__name__}") from None


def _rest(answer: urllib.error.HTTPError) -> bytes:
    try:
        return answer.read(_LONGEST_ANSWER)
    except (OSError, http.client.HTTPException):
        # The status is known; the words that belong to it are not needed.
        return b""


class _StayHere(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: what is sent is a secret, and meant for one server."""

    def redirect_request(self, *_arguments: object) -> None:
        return None

"""The stored login as a request's credential."""

from collections.abc import Mapping

from plano_extproc.errors import Unauthenticated, Unavailable
from plano_extproc.providers.auth import Headers, Outbound
from plano_extproc.providers.chatgpt.store import Store
from plano_extproc.providers.chatgpt.tokens import UnreadableTokens, account_of, is_chatgpt_token

ACCOUNT = "chatgpt-account-id"


class ChatGptToken:
    """Pays for requests with a ChatGPT subscription: the stored login, or else the caller's own."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __call__(self, outbound: Outbound, now: float) -> Headers:
        """Return the credential headers of a request, as an `Authorizer`."""
        return self.headers_for(outbound.headers, now)

    def headers(self, now: float) -> Headers:
        """Return the credential headers of the stored login.

        Raises `Unauthenticated` where only `planoai chatgpt login` helps, and `Unavailable` for an expired token
        whose renewal is still to come, so that the caller tries again.
        """
        if held := self._stored(now):
            return held
        raise _advised("no ChatGPT login is stored")

    def headers_for(self, request: Mapping[str, bytes], now: float) -> Headers:
        """Return the credential headers for a caller who may bring a ChatGPT token, as the Codex CLI does.

        The stored login goes first. Any other credential of the caller's is none of ChatGPT's business: it is not
        sent on, and the answer is the `Unauthenticated` of `headers`.
        """
        return self._stored(now) or callers_own(request) or self.headers(now)

    def _stored(self, now: float) -> Headers:
        try:
            tokens = self._store.load()
        except UnreadableTokens as error:
            raise _advised(f"the stored ChatGPT login cannot be read: {error}") from None
        if tokens is None:
            return ()
        if tokens.is_expired(now):
            if tokens.refresh_token:
                raise Unavailable("the ChatGPT login has expired and is being renewed; try again in a moment")
            raise _advised("the ChatGPT login has expired and cannot be renewed")
        return _as_headers(tokens.access_token, tokens.account_id)


def callers_own(request: Mapping[str, bytes]) -> Headers:
    """Return the caller's ChatGPT token as credential headers; empty when they sent none.

    A bearer token is ChatGPT's when it says so itself, by its claims, or when the caller names the account that it
    belongs to, which no API key has.
    """
    scheme, _, secret = request.get("authorization", b"").decode("latin-1").strip().partition(" ")
    secret = secret.strip()
    if scheme.lower() != "bearer" or not secret:
        return ()
    account = request.get(ACCOUNT, b"").decode("latin-1").strip()
    if not account and not is_chatgpt_token(secret):
        return ()
    return _as_headers(secret, account or account_of(secret))


def _as_headers(token: str, account: str) -> Headers:
    bearer = ("authorization", f"Bearer {token}".encode("latin-1"))
    return (bearer, (ACCOUNT, account.encode("latin-1"))) if account else (bearer,)


def _advised(problem: str) -> Unauthenticated:
    return Unauthenticated(f"{problem}; run `planoai chatgpt login` where the gateway runs")

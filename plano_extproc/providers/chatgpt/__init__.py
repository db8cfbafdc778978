"""A ChatGPT subscription as a provider's credential: the login that is stored, its renewal, and its use.

`tokens` are the values, `store` is their file, `issuer` the words that are exchanged with OpenAI's login server,
`send` carries them, `renewal` replaces tokens before they expire, and `credential` turns them into headers.
"""

from plano_extproc.providers.chatgpt.credential import ChatGptToken
from plano_extproc.providers.chatgpt.issuer import Issuer, IssuerError
from plano_extproc.providers.chatgpt.store import Store
from plano_extproc.providers.chatgpt.tokens import Tokens, UnreadableTokens

__all__ = ["ChatGptToken", "Issuer", "IssuerError", "Store", "Tokens", "UnreadableTokens"]

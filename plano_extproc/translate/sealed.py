"""State that only one dialect reads, carried through clients of other dialects in place of a signature.

Clients hand signatures of thinking back as they got them, whatever they hold. The mark before the state tells whose
it is, so that it never reaches a provider of another dialect, which would refuse the whole conversation.
"""

from typing import Final

from plano_extproc.apis import Api

_MARK: Final = "plano:"
NO_INDEX: Final = "plano:none"
"""Stands where Anthropic's citations hold a token of its own search, for sources that another provider found."""


def seal(api: Api, state: str) -> str:
    """Return `state` marked as that of a dialect."""
    return f"{_MARK}{api}:{state}"


def unseal(api: Api, sealed: str) -> str | None:
    """Return the state that was sealed for a dialect; None where it is another's, or not sealed at all."""
    mark = f"{_MARK}{api}:"
    return sealed[len(mark) :] if sealed.startswith(mark) else None


def is_sealed(text: str) -> bool:
    """Tell whether a signature holds the state of a dialect that has none of its own."""
    return text.startswith(_MARK)

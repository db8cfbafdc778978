"""What is remembered of users, in the store of conversations: one value for each user of each client."""

from collections.abc import Callable
from typing import Final

from plano_extproc.conversation import memory
from plano_extproc.conversation.memory import Memories, Memory
from plano_extproc.stores.contract import SharedStore, StoreError

PREFIX: Final = "memories:"
_TRIES: Final = 20

Change = Callable[[tuple[Memory, ...]], tuple[Memory, ...]]


class MemoryBook:
    """Reads and changes memories. Raises `StoreError` where the store does not answer."""

    def __init__(self, store: SharedStore) -> None:
        self._store = store

    async def read(self, owner: str, user: str) -> Memories:
        """Return what is remembered of a user, by digests of who asks and of the user."""
        value = await self._store.get(key(owner, user))
        return Memories() if value is None else memory.decoded(value)

    async def change(self, where: str, whose: Memories, change: Change) -> tuple[Memory, ...]:
        """Change what is kept under a key, whatever others do meanwhile, and return what is left."""
        for _ in range(_TRIES):
            value = await self._store.get(where)
            found = whose if value is None else memory.decoded(value)
            made = change(found.all)
            if made == found.all:
                return made
            new = memory.encoded(Memories(found.client, found.user, made)) if made else None
            if await self._store.swap(where, value, new):
                return made
        raise StoreError("the memories are changed too often; try again")

    async def everyone(self) -> list[tuple[str, Memories]]:
        """Return all that is remembered, by key."""
        found: list[tuple[str, Memories]] = []
        first = PREFIX
        while page := await self._store.scan(PREFIX, first=first):
            found += [(where, memory.decoded(value)) for where, value in page]
            first = page[-1][0] + "\0"
        return found


def key(owner: str, user: str) -> str:
    """Return where a user's memories are."""
    return f"{PREFIX}{owner}:{user}"

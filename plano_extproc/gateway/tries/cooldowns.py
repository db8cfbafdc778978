"""Cool-downs that all workers share: each tells the store what is new, and hears what the others have told."""

from plano_extproc.routing.cooldown import FINE, KEY_PREFIX, Board
from plano_extproc.stores import SharedStore, StoreError


async def share(board: Board, store: SharedStore, now: float) -> None:
    """Bring a worker's board and the store together. A store that is away leaves both as they are, for later."""
    news = board.news()
    try:
        held = await store.scan(KEY_PREFIX)
        board.hear({key.removeprefix(KEY_PREFIX): value for key, value in held}, news, now)
        for label in sorted(news):
            state = board.state(label)
            if state == FINE:
                await store.delete(KEY_PREFIX + label)
            else:
                await store.set(KEY_PREFIX + label, state.encoded(), state.time_to_live(now))
    except StoreError:
        # Each worker goes on by what it knows itself.
        board.remind(news)

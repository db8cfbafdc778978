"""What it costs a worker to read a conversation for signals.

    python -m bench.signals [--count N]

Each case is a conversation that goes on: every exchange sends the whole history again, some messages longer. What is
timed is the whole of `Conversations.report` for each request, in processor time; the best of several runs counts. What
that is of all that a worker does, `python -m bench.seen` tells.
"""

import argparse
import time
from typing import Any, Final

from bench.mix import MORE, TALKS
from plano_extproc.apis import Api
from plano_extproc.signals import Conversations, Mode

_SHARE: Final[dict[Mode, float]] = {"standard": 1, "compatible": 0.03}
"""How often each mode is timed, as a part of `--count`."""


def microseconds(api: Api, bodies: list[dict[str, Any]], mode: Mode, count: int) -> float:
    """Return the processor time of one exchange."""
    for body in bodies:  # what is compiled at first use
        Conversations(mode).report(api, body)
    best = float("inf")
    for _ in range(max(1, round(count * _SHARE[mode]))):
        known = Conversations(mode)
        began = time.process_time()
        for body in bodies:
            known.report(api, body)
        best = min(best, time.process_time() - began)
    return best * 1e6 / len(bodies)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--count", type=int, default=100, help="runs of each conversation [100]")
    count: int = parser.parse_args().count
    print(f"{'microseconds an exchange':36}", *(f"{mode:>12}" for mode in _SHARE))
    for name, make in {**TALKS, **MORE}.items():
        talk = make()
        print(f"{name:36}", *(f"{microseconds(talk.api, list(talk.bodies), mode, count):12.1f}" for mode in _SHARE))


if __name__ == "__main__":
    main()

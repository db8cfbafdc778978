"""`python -m planoai.console`: a console that prints its address and serves until SIGTERM."""

import os
import sys

from planoai.console.serve import Page, serve
from planoai.errors import Failure
from planoai.home import home


def main() -> None:
    """Serve."""

    def tell(page: Page) -> None:
        print(page.url, flush=True)
        # Nobody reads on; what comes later goes to the log.
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    try:
        serve(home(os.environ), os.environ, None, tell)
    except Failure as failure:
        sys.exit(failure.message)


if __name__ == "__main__":
    main()

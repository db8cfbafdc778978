"""Run the development model: `python -m plano_agents.dev_model [--host 127.0.0.1] [--port 0]`."""

import sys

from plano_agents import serving
from plano_agents.dev_model.app import app


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; print the URL on the first line of stdout once the port is bound."""
    parser = serving.parser(
        "plano_agents.dev_model",
        "A deterministic development stand-in for a language model. Needs no key and no network.",
    )
    parser.add_argument("--pace", type=float, default=0.0, help="seconds to pause between two events of a stream")
    options = parser.parse_args(arguments)
    what = "development model (a stand-in, not a language model)"
    return serving.main(options, what, lambda: app(pace=options.pace))


if __name__ == "__main__":
    sys.exit(main())

"""What runs inside supervisord beside its own interface: the workers' environment, and rotation of the logs.

`supervisord.conf` names it as an RPC interface. Whoever can open supervisord's socket (0600) may call it.
"""

import json
import os
import xmlrpc.client
from pathlib import Path
from typing import Any

from supervisor import events

from planoai.rotation import rotate


class PlanoInterface:
    """Methods that XML-RPC clients call as `plano.<name>`; supervisord asks for camel case by its own custom."""

    def environment(self, names: list[str]) -> xmlrpc.client.Binary:
        """Return those variables that are set, as JSON."""
        return xmlrpc.client.Binary(
            json.dumps({name: os.environ[name] for name in names if name in os.environ}).encode()
        )

    def setEnvironment(self, variables: str) -> bool:  # noqa: N802 - supervisord's custom
        """Take a JSON object of variables: every process that is started from here on inherits them.

        It is sent as base64, which supervisord hands over decoded.
        """
        os.environ.update(json.loads(variables))
        return True


def make(supervisord: Any, **_settings: Any) -> PlanoInterface:  # noqa: ARG001 - supervisord's signature
    """Return the interface, and look after the logs once a minute."""
    logs = Path(os.environ["PLANO_RUN"]) / "logs"
    events.subscribe(events.Tick60Event, lambda _event: rotate(logs))
    return PlanoInterface()

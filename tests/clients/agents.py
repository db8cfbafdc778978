"""Coding agents in headless mode: what starts them with the gateway as their API, and a model that has them work.

They get a HOME and a working folder of their own, and a proxy that answers nothing: whatever they want of the world
beyond the gateway is written down there.
"""

import json
import platform
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.clients.driver import alone
from tests.clients.installing import coding_agents
from tests.support.clients import CLIENT_KEY
from tests.support.http_server import Action, End, Head, HttpServer, Recorded
from tests.support.reply import Reply, ToolCall
from tests.support.scripted import ScriptedProvider

Json = dict[str, Any]
SECONDS = 280.0


class AgentFailed(Exception):
    """An agent ended with an error; `printed` is all that it said."""

    def __init__(self, code: int, printed: str) -> None:
        super().__init__(f"ended with {code}\n{printed}")
        self.printed = printed


@dataclass(frozen=True, slots=True)
class World:
    """Where an agent lives. `wanted` are the requests that it made to others than the gateway."""

    home: Path
    work: Path
    environ: dict[str, str]
    wanted: list[str] = field(default_factory=list)


@contextmanager
def world(folder: Path) -> Iterator[World]:
    """Make a world in an empty folder."""
    home, work = folder / "home", folder / "work"
    home.mkdir()
    work.mkdir()
    wanted: list[str] = []

    def refuse(request: Recorded) -> Sequence[Action]:
        wanted.append(f"{request.method} {request.target}")
        return [Head(502, (("content-length", "0"),)), End()]

    proxy = HttpServer(refuse)
    address = f"http://127.0.0.1:{proxy.port}"
    environ = {**alone(home), "HTTP_PROXY": address, "HTTPS_PROXY": address, "ALL_PROXY": address}
    try:
        yield World(home, work, environ, wanted)
    finally:
        proxy.close()


def claude_code(url: str, model: str, prompt: str, at: World, *, token: str | None = None) -> Json:
    """Have Claude Code do something; return what it prints at its end. `token` is that of a subscription."""
    environ = {
        "ANTHROPIC_BASE_URL": url,
        **({"CLAUDE_CODE_OAUTH_TOKEN": token} if token else {"ANTHROPIC_API_KEY": CLIENT_KEY}),
        "ANTHROPIC_MODEL": model,
        "ANTHROPIC_DEFAULT_HAIKU_MODEL": model,
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "DISABLE_AUTOUPDATER": "1",
        "CLAUDE_CODE_MAX_RETRIES": "0",
    }
    command: list[str | Path] = [_claude(), "-p", prompt, "--output-format", "json", "--allowedTools", "Bash"]
    told: Json = json.loads(_run(command, environ, at))
    return told


def codex(url: str, model: str, prompt: str, at: World) -> list[Json]:
    """Have Codex do something; return the events that it prints."""
    folder = at.home / ".codex"
    folder.mkdir()
    (folder / "config.toml").write_text(CODEX_CONFIG.format(model=model, url=url))
    # The sandbox needs rights that containers lack; what runs is the one command that the test has scripted.
    options = ["--json", "--ephemeral", "--skip-git-repo-check", "--sandbox", "danger-full-access"]
    command: list[str | Path] = [coding_agents() / "node_modules" / ".bin" / "codex", "exec", *options, prompt]
    printed = _run(command, {"PLANO_KEY": CLIENT_KEY}, at)
    return [json.loads(line) for line in printed.splitlines() if line.startswith("{")]


def works(provider: ScriptedProvider, call: ToolCall, *, thinking: str = "", said: str = "All done.") -> None:
    """Have a provider answer every request like a model at work: it calls the tool until a request holds its result."""

    def step(request: Recorded) -> Sequence[Action]:
        provider.add(step)
        offered = f'"name":"{call.name}"'.encode() in request.body
        is_answered = any(mark in request.body for mark in TOOL_RESULTS)
        calls = (call,) if offered and not is_answered else ()
        reply = Reply("I will." if calls else said, thinking, calls, "tool" if calls else "stop")
        return provider.answered(reply, request)

    provider.add(step)


def _run(command: Sequence[str | Path], environ: dict[str, str], at: World) -> str:
    done = subprocess.run(
        [str(word) for word in command],
        cwd=at.work,
        env={**at.environ, **environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    if done.returncode != 0:
        raise AgentFailed(done.returncode, f"{done.stdout}\n{done.stderr}")
    return done.stdout


def _claude() -> Path:
    """Return the program for this machine; the package's own launcher stands in only once its script has run."""
    machine = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64"}.get(platform.machine().lower(), platform.machine())
    libc = "-musl" if sys.platform == "linux" and not platform.libc_ver()[0] else ""
    name = f"claude-code-{sys.platform}-{machine}{libc}"
    return coding_agents() / "node_modules" / "@anthropic-ai" / name / "claude"


TOOL_RESULTS: Final = (b'"tool_result"', b'"role":"tool"', b'"function_call_output"')
CODEX_CONFIG: Final = """
model = "{model}"
model_provider = "plano"
check_for_update_on_startup = false

[model_providers.plano]
name = "Plano"
base_url = "{url}/v1"
env_key = "PLANO_KEY"
wire_api = "responses"
request_max_retries = 0
stream_max_retries = 0

[analytics]
enabled = false

[features]
apps = false
plugins = false
remote_plugin = false
"""

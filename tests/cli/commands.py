"""`planoai` as users call it: a process with an environment of its own, in a folder of its own."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from planoai.probe import ask
from tests.support.ports import free_port
from tests.support.processes import end, of_home

ROOT = Path(__file__).parents[2]

CONFIG = """
version: v0.5.0
listeners:
  - {type: model, name: llm, port: 12000}
model_providers:
  - {model: openai/gpt-4o, access_key: $OPENAI_API_KEY, default: true}
  - {model: anthropic/claude-sonnet-4-5, access_key: $ANTHROPIC_API_KEY}
  - {model: groq/*, access_key: literal}
model_aliases:
  fast: {target: gpt-4o}
"""

KEYS = {"OPENAI_API_KEY": "sk-one", "ANTHROPIC_API_KEY": "sk-ant-two"}


class Shell:
    """A user at a prompt: what they type, where, and with which variables."""

    def __init__(self, folder: Path, home: Path) -> None:
        self.folder = folder
        self.home = home
        self.started: list[subprocess.Popen[str]] = []
        self.environ = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(folder),
            "PLANO_HOME": str(self.home),
            "PLANO_ADMIN_PORT": str(free_port()),
            "PLANO_METRICS_PORT": str(free_port()),
            "PLANO_ENVOY_CONCURRENCY": "1",
            "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "cli"))),
        }

    def write(self, text: str, name: str = "config.yaml") -> Path:
        """Write a file into the folder."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def planoai(self, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end. Whatever it was, it must not have shown a traceback."""
        result = subprocess.run(
            [sys.executable, "-m", "planoai", *arguments],
            cwd=self.folder,
            env=self.environ | environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )
        assert "Traceback" not in result.stdout + result.stderr, result.stderr
        return result

    def start(self, *arguments: str, **environ: str) -> subprocess.Popen[str]:
        """Start a command that stays; it is ended with the shell at the latest."""
        return self.run([sys.executable, "-m", "planoai", *arguments], **environ)

    def run(self, command: Sequence[str], **environ: str) -> subprocess.Popen[str]:
        """Start any program as `start` does."""
        process = subprocess.Popen(
            command,
            cwd=self.folder,
            env=self.environ | environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.started.append(process)
        return process

    def close(self) -> None:
        """End what was started and did not end by itself, so that a test that failed harms no other."""
        for process in self.started:
            if process.poll() is None:
                process.kill()
            if process.stdout is not None:
                process.stdout.close()
            process.wait(60)


@contextmanager
def shell(folder: Path) -> Iterator[Shell]:
    """Give a user a folder, and end what they left running."""
    # The folders of tests may be too deep for sockets; what happens then has a test of its own.
    with TemporaryDirectory(prefix="plano-", ignore_cleanup_errors=True) as short:
        user = Shell(folder, Path(short) / "home")
        try:
            yield user
        finally:
            user.close()
            if (user.home / "run").exists():
                user.planoai("down", "--drain-seconds", "0")
            left = of_home(user.home)
            end(left)
            assert not left, f"still running after planoai down: {left}"


def flat(text: str) -> str:
    """Return text in one line, without what a terminal's width and colours made of it."""
    return " ".join(re.sub(r"\x1b\[[0-9;]*m", "", text).split())


def config(port: int, *, key: str = "sk-literal-secret", provider: str = "http://127.0.0.1:9/v1") -> str:
    """Return a file with one listener and one provider."""
    return f"""
version: v0.5.0
listeners:
  - {{type: model, name: llm, port: {port}}}
model_providers:
  - {{model: openai/gpt-4o, access_key: {key}, base_url: "{provider}", default: true}}
"""


def chat(port: int, model: str = "gpt-4o") -> int:
    """Ask for a chat; return the status, 0 where no answer came."""
    body = json.dumps({"model": model, "messages": [{"role": "user", "content": "Hello"}]}).encode()
    reply = ask(
        f"http://127.0.0.1:{port}/v1/chat/completions",
        method="POST",
        body=body,
        headers={"content-type": "application/json"},
        timeout=20,
    )
    return reply.status if reply else 0

"""The planner's key: from the environment, a file, or Vault's KV v2 over HTTP."""

import json
from collections.abc import Iterator
from http.server import HTTPServer
from pathlib import Path

import pytest

from plano_agents.llm_planner.credentials import NoCredential, api_key
from tests.support.serving import Quiet, serving

SECRETS = {
    "/v1/secret/data/openrouter": {"api_key": "sk-vault"},
    "/v1/kv/data/teams/planner": {"api_key": "sk-deep"},
    "/v1/secret/data/other": {"password": "x"},
}


class Vault(Quiet):
    """Answers as Vault's KV v2 engine does."""

    def answer(self) -> None:
        told: object = {"errors": ["permission denied"]}
        status = 403
        if self.headers["X-Vault-Token"] == "t-1":
            held = SECRETS.get(self.path)
            status = 200 if held else 404
            told = {"data": {"data": held, "metadata": {"version": 3}}} if held else {"errors": []}
        self.reply(status, json.dumps(told).encode())


@pytest.fixture
def vault() -> Iterator[str]:
    with serving(HTTPServer(("127.0.0.1", 0), Vault)) as server:
        yield f"http://127.0.0.1:{server.server_port}"


def test_the_environment_comes_first_then_a_file(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("sk-file\n")

    assert api_key({"OPENROUTER_API_KEY": "sk-env", "OPENROUTER_API_KEY_FILE": str(file)}) == "sk-env"
    assert api_key({"OPENROUTER_API_KEY_FILE": str(file)}) == "sk-file"


@pytest.mark.parametrize(("secret", "key"), [("secret/openrouter", "sk-vault"), ("kv/teams/planner", "sk-deep")])
def test_vault_is_read_by_its_kv_engine(vault: str, secret: str, key: str) -> None:
    assert api_key({"VAULT_ADDR": vault, "VAULT_TOKEN": "t-1", "VAULT_SECRET": secret}) == key


@pytest.mark.parametrize(
    ("token", "secret", "message"),
    [
        ("t-2", "secret/openrouter", "Vault answers 403"),
        ("t-1", "secret/gone", "Vault answers 404"),
        ("t-1", "secret/other", "has no field api_key"),
        ("t-1", "secret", "VAULT_SECRET as mount/path"),
        ("", "secret/openrouter", "VAULT_TOKEN"),
    ],
)
def test_a_vault_without_the_key_is_told(vault: str, token: str, secret: str, message: str) -> None:
    with pytest.raises(NoCredential, match=message):
        api_key({"VAULT_ADDR": vault, "VAULT_TOKEN": token, "VAULT_SECRET": secret})


def test_nothing_to_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    for environ, message in (
        ({}, "set OPENROUTER_API_KEY"),
        ({"OPENROUTER_API_KEY_FILE": str(tmp_path / "gone")}, "cannot be read"),
        ({"OPENROUTER_API_KEY_FILE": str(tmp_path / "empty")}, "is empty"),
        ({"VAULT_ADDR": "file:///etc", "VAULT_TOKEN": "t", "VAULT_SECRET": "a/b"}, "must begin with http"),
        ({"VAULT_ADDR": "http://127.0.0.1:1", "VAULT_TOKEN": "t", "VAULT_SECRET": "a/b"}, "cannot be reached"),
    ):
        with pytest.raises(NoCredential, match=message):
            api_key(environ)

import re
from pathlib import Path
from textwrap import indent

from plano_extproc.config.catalogue import PROVIDERS, ProviderKind, read_tables
from tests.config.reading import config_of

ROOT = Path(__file__).parents[2]
DOC = (ROOT / "docs/providers.md").read_text(encoding="utf-8")
SNIPPETS = re.findall(r"```yaml\n(.*?)```", DOC, flags=re.DOTALL)


def row(kind: ProviderKind) -> str:
    ids = ", ".join(f"`{name}`" for name in (kind.id, *kind.aliases))
    speaks = ", ".join((*kind.apis, *(f"{api} ({family}…)" for family, apis in kind.families.items() for api in apis)))
    key = f"`{kind.env}`" if kind.env else "none needed" if kind.key_optional else ""
    return f"| {ids} | {kind.base_url or ''} | {speaks} | {', '.join(kind.endpoints)} | {key} |"


def test_the_table_of_providers_is_that_of_the_catalogue() -> None:
    _, _, table = DOC.partition("| id | address |")
    rows = [line for line in table.splitlines() if line.startswith("| `")]

    assert rows == [row(kind) for kind in PROVIDERS.values()], "the rows should be these"


def test_the_entry_that_the_page_shows_makes_a_provider() -> None:
    snippet = SNIPPETS[0]
    table = (ROOT / "config/providers.yaml").read_text(encoding="utf-8")
    kinds, _ = read_tables(table.replace("providers:\n", f"providers:\n{indent(snippet, '  ')}\n", 1))

    assert len(snippet.splitlines()) < 10
    assert set(kinds) == {"example_ai", *PROVIDERS}
    assert kinds["example_ai"].base_url == "https://api.example.ai/v1"
    assert kinds["example_ai"].path("openai.chat", "some-model") == "/v1/chat/completions"
    assert kinds["example_ai"].path("embeddings", "some-model") == "/v1/embeddings"


def test_the_configurations_that_the_page_shows_are_valid() -> None:
    keys = dict.fromkeys(re.findall(r"\$([A-Z_]+)", DOC), "k")
    mine, clouds = (config_of(f"version: v0.5.0\n{snippet}", keys) for snippet in SNIPPETS[1:])

    assert mine.model_providers[0].path("openai.chat") == "/v1/chat/completions"
    assert [entry.path(entry.apis_for("m")[0], "m") for entry in clouds.model_providers] == [
        "/openai/deployments/m/chat/completions?api-version=2025-01-01-preview",
        "/openai/v1/chat/completions",
        "/v1/projects/my-project/locations/us-east5/publishers/google/models/m:generateContent",
        "/model/m/converse",
        "/ai-gateway/mlflow/v1/chat/completions",
        "/client/v4/accounts/my-account/ai/v1/chat/completions",
    ]

import re
from pathlib import Path

import pytest

from tests.limits.reading import admission_of

PAGE = (Path(__file__).parents[2] / "docs/limits.md").read_text(encoding="utf-8")
SNIPPETS = [text for text in re.findall(r"```yaml\n(.*?)```", PAGE, flags=re.DOTALL) if not text.startswith("name:")]


@pytest.mark.parametrize("snippet", SNIPPETS)
def test_what_the_page_shows_can_be_configured(snippet: str) -> None:
    text = "model_aliases: {fast: {target: gpt-4o}}\n" + re.sub(r"\$[A-Z_]+", "value", snippet)

    assert admission_of(text) is not None

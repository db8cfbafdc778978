"""`python -m plano_extproc.config.json_schema` writes config/plano_config_schema.json from the models."""

import json

from plano_extproc import resources
from plano_extproc.config.legacy import json_schema

PATH = "config/plano_config_schema.json"


def text() -> str:
    """Return the file's text as it should be."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    resources.path(PATH).write_text(text(), encoding="utf-8")

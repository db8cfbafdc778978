"""Requests to Anthropic's models at other vendors, which differ from Anthropic's own in two fields.

The model is in the path and must not be in the body, and the version of the API is in the body. All else, the stream
flag too, and all answers are Anthropic's.
https://platform.claude.com/docs/en/build-with-claude/claude-on-vertex-ai
"""

from typing import Final

from plano_extproc.translate.chat import Json

VERTEX: Final = "vertex-2023-10-16"
"""The only version that Google's `rawPredict` and `streamRawPredict` know."""


def hosted(body: Json, version: str) -> Json:
    """Return the request as such a vendor takes it; a version that the caller gave stays.

    It is for requests of Anthropic's own clients too, whose other fields stay as they are.
    """
    made = {"anthropic_version": version, **body}
    made.pop("model", None)
    return made

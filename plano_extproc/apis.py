"""The dialects of LLM APIs, by name. `<vendor>.<API>`, as configuration, goldens and metrics spell them."""

from typing import Final, Literal, get_args

Api = Literal[
    "openai.chat",
    "openai.responses",
    "anthropic.messages",
    "bedrock.converse",
    "gemini.generate",
]

ALL: Final[tuple[Api, ...]] = get_args(Api)

BY_PATH: Final[dict[str, Api]] = {
    "/v1/chat/completions": "openai.chat",
    "/v1/messages": "anthropic.messages",
    "/v1/responses": "openai.responses",
}
"""The paths on which clients speak a dialect to us."""

QUESTIONS: Final = "/routing"
"""Before one of those paths: the same request, of which only is told who would serve it."""

COUNT_TOKENS: Final = "/v1/messages/count_tokens"

NAMING_A_MODEL: Final[tuple[str, ...]] = (
    "/v1beta/models/",
    "/v1/models/",
    "/v1alpha/models/",
    "/v1/projects/",
    "/v1/publishers/",
    "/v1beta1/projects/",
    "/v1beta1/publishers/",
)
"""Below these a path that is posted to names its model and the method, as in `{model}:generateContent`.

First come those of AI Studio's versions, then Vertex AI's.
"""

GEMINI_METHODS: Final[dict[str, bool]] = {"generateContent": False, "streamGenerateContent": True}
"""The methods, and whether their answers are streams."""

COUNT_METHOD: Final = "countTokens"
"""The one by which Gemini's clients ask how many tokens a request has."""

ANTHROPIC_METHODS: Final[dict[str, bool]] = {"rawPredict": False, "streamRawPredict": True}
"""The same for Anthropic's clients of Vertex AI."""

"""Cases of the checks of model providers, AWS among them."""

# ruff: noqa: E501 - rows of a table are read whole

from tests.config.cases.words import HEAD, Cases

CASES: Cases = {
    "kinds_are_known": [
        (
            HEAD + "model_providers: [{model: opnai/x, access_key: k}, {model: own/x, base_url: 'http://h'}]\n",
            [
                "error model_providers[0]: 'opnai' is no known provider, and the entry lacks provider_interface and",
                "error model_providers[1]: 'own' is no known provider, and the entry lacks provider_interface",
            ],
        ),
        (HEAD + "model_providers: [{model: own/*, base_url: 'http://h', provider_interface: xai}]\n", []),
    ],
    "interface_is_for_unknown_prefixes": [
        (
            HEAD + "model_providers: [{model: groq/x, access_key: k, provider_interface: openai}]\n",
            ["error model_providers[0].provider_interface: 'groq' is a known provider, whose interface is its own"],
        ),
        (HEAD + "model_providers: [{model: vllm/x, base_url: 'http://h', provider_interface: openai}]\n", []),
    ],
    "base_urls_are_given": [
        (
            HEAD
            + "model_providers: ["
            + ", ".join(f"{{model: {p}/x, access_key: k}}" for p in ("azure_openai", "ollama", "qwen", "plano", "vllm"))
            + ", {model: amazon/x, access_key: k}]\n",
            [
                *(
                    f"error model_providers[{n}].base_url: base_url is required for '{p}'"
                    for n, p in enumerate(("azure_openai", "ollama", "qwen", "plano", "vllm", "amazon"))
                )
            ],
        ),
    ],
    "names_are_unique@providers": [
        (
            HEAD
            + "model_providers: [{model: openai/x, name: a, access_key: k}, {model: xai/y, name: a, access_key: k}]\n",
            ["error model_providers[1].name: provider name 'a' is taken"],
        ),
        (
            HEAD + "model_providers: [{model: openai/x, access_key: k}, {model: openai/x, access_key: k}]\n",
            ["error model_providers[1].model: repeats an entry above: 'openai/x'"],
        ),
        (
            HEAD + "model_providers: [{model: openai/x, access_key: k}, {model: openai/x, access_key: l},"
            " {model: amazon_bedrock/x, base_url: 'https://h', aws: {access_key_id: a, secret_access_key: b}},"
            " {model: amazon_bedrock/x, base_url: 'https://h', aws: {access_key_id: a, secret_access_key: c}},"
            " {model: together_ai/openai/x, access_key: k}, {model: xai/x, access_key: k}]\n",
            [],
        ),
    ],
    "wildcards_are_unique": [
        (
            HEAD + "model_providers: [{model: gemini/*, access_key: k}, {model: google/*, access_key: l}]\n",
            ["error model_providers[1].model: 'gemini/*' stands here again"],
        ),
    ],
    "one_default": [
        (
            HEAD + "model_providers: [{model: openai/x, access_key: k, default: true}, "
            "{model: openai/y, access_key: k, default: true}, {model: xai/*, access_key: k, default: true}]\n",
            [
                "error model_providers[1].default: 'openai/x' is the default already",
                "error model_providers[2].default: 'xai/*' cannot be the default",
            ],
        ),
    ],
    "credentials_are_given": [
        (
            HEAD + "model_providers: [{model: openai/x}, {model: groq/x, access_key: ''}, {model: xai/x, "
            "base_url: 'http://h'}, {model: ollama/x, base_url: 'http://h', access_key: ''}]\n",
            [
                "warning model_providers[0]: 'openai/x' has no credential: OpenAI will refuse its requests",
                "error model_providers[1].access_key: is empty",
            ],
        ),
    ],
    "credentials_agree": [
        (
            HEAD + "model_providers: [{model: openai/x, access_key: k, passthrough_auth: true}]\n",
            ["warning model_providers[0].access_key: is ignored: passthrough_auth sends the caller's own credential"],
        ),
        (
            HEAD + "model_providers:\n  - {model: amazon_bedrock/x, base_url: 'https://h', access_key: k, "
            "aws: {access_key_id: i}}\n",
            [
                "error model_providers[0].access_key: stands beside aws",
                "error model_providers[0].aws: needs both access_key_id and secret_access_key, or neither",
            ],
        ),
    ],
    "regions_are_known": [
        (
            HEAD + "model_providers:\n"
            "  - {model: amazon_bedrock/a, base_url: 'https://bedrock-runtime.us-east-1.amazonaws.com', aws: {}}\n"
            "  - {model: amazon_bedrock/b, base_url: 'https://bedrock.example', aws: {region: us-east-1}}\n"
            "  - {model: amazon_bedrock/c, base_url: 'https://bedrock.example', aws: {}}\n"
            "  - {model: amazon_bedrock/d, base_url: 'https://bedrock.example', access_key: k}\n",
            ["error model_providers[2].aws.region: is required: base_url does not tell it. Write the region"],
        ),
    ],
    "requests_can_be_signed": [
        (
            HEAD + "model_providers:\n"
            "  - {model: amazon_bedrock/a, base_url: 'https://h', aws: {}}\n"
            "  - {model: amazon_bedrock/b, base_url: 'https://h', aws: {access_key_id: i, secret_access_key: s}}\n"
            "  - {model: amazon_bedrock/c, base_url: 'https://h', access_key: k}\n",
            [
                "error model_providers[0].aws: asks for signed requests",
                "error model_providers[1].aws: asks for signed requests",
            ],
        ),
    ],
    "ejections_grow": [
        (
            HEAD
            + "model_providers: [{model: openai/x, access_key: k, outlier_detection: {base_ejection_time: 10m}}]\n",
            ["error model_providers[0].outlier_detection.base_ejection_time: is longer than max_ejection_time (300s)"],
        ),
    ],
    "affinity_has_no_gate": [
        (
            HEAD + "model_providers: [{model: openai/x, access_key: k, prefix_affinity: true, health_check: {}}]\n",
            ["warning model_providers[0].prefix_affinity: has no effect beside"],
        ),
    ],
    "hedges_have_a_time": [
        (
            HEAD + "model_providers: [{model: openai/x, access_key: k, retry_policy: {hedge: true}}]\n",
            ["error model_providers[0].retry_policy.hedge: needs a time after which a try is late"],
        ),
        (
            HEAD
            + "model_providers: [{model: openai/x, access_key: k, retry_policy: {hedge: true}, timeouts: {first_byte: 50ms}}]\n",
            ["error model_providers[0].timeouts.first_byte: is too short to hedge after (0.05s)"],
        ),
    ],
    "backoffs_grow": [
        (
            HEAD
            + "model_providers: [{model: openai/x, access_key: k, retry_policy: {backoff: {base_ms: 9, max_ms: 5}}}]\n",
            ["error model_providers[0].retry_policy.backoff.base_ms: is longer than max_ms (5)"],
        ),
    ],
    "files_have_models": [
        (HEAD, ["warning model_providers: names no model: every request will be refused"]),
    ],
}

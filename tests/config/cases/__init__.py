"""For each check, files that it is for, and what is found in them: `severity path: beginning of the message`."""

from tests.config.cases import listeners, policies, providers, references, versions

CASES = {**versions.CASES, **listeners.CASES, **providers.CASES, **policies.CASES, **references.CASES}

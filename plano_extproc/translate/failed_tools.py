"""Tools that failed, in dialects that have no word for it: the text of the result says so."""

import orjson


def says_error(text: str) -> bool:
    """Tell whether a tool's result reports a failure; an object with `error` is the custom."""
    if '"error"' not in text:
        return False
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return isinstance(value, dict) and bool(value.get("error"))


def as_error(text: str) -> str:
    """Return the text of a result that reports a failure, so that the model sees that it does."""
    if text.lower().startswith("error") or says_error(text):
        return text
    return f"Error: {text}" if text else "Error"

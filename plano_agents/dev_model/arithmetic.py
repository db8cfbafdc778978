"""Sums in plain text: `What is 12 * (3 + 4)?` is 84."""

import ast
import operator
import re
from collections.abc import Callable
from typing import Final

_LONGEST = 200
_LARGEST_POWER = 64

_WORDS: Final = (
    ("multiplied by", "*"),
    ("divided by", "/"),
    ("times", "*"),
    ("plus", "+"),
    ("minus", "-"),
    ("\N{MULTIPLICATION SIGN}", "*"),
    ("\N{DIVISION SIGN}", "/"),
    ("^", "**"),
)
_EXPRESSION = re.compile(r"[\d(.-][\d\s.+\-*/()%]*[\d)]")


def sum_in(text: str) -> tuple[str, str] | None:
    """Find the first sum in a text: as it is written, and its value or why it has none."""
    text = text.lower()
    for word, sign in _WORDS:
        text = text.replace(word, sign)
    for match in _EXPRESSION.finditer(text):
        written = " ".join(match.group().split())
        if len(written) <= _LONGEST and (value := _value_of(written)) is not None:
            return written, value
    return None


def _value_of(written: str) -> str | None:
    try:
        tree = ast.parse(written, mode="eval").body
        if not isinstance(tree, ast.BinOp):
            return None
        value = _evaluate(tree)
    except ZeroDivisionError:
        return "undefined, since it divides by zero"
    except (ValueError, SyntaxError, OverflowError, RecursionError, MemoryError):
        return None
    return str(int(value)) if value == int(value) else f"{value:.6g}"


def _evaluate(node: ast.expr) -> float:
    match node:
        case ast.Constant(value=int() | float() as value):
            return value
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_evaluate(operand)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            return _OPERATORS[type(op)](_evaluate(left), _evaluate(right))
        case _:
            raise ValueError(ast.dump(node))


def _power(base: float, exponent: float) -> float:
    if abs(exponent) > _LARGEST_POWER or base < 0:
        raise OverflowError
    return float(base**exponent)


_OPERATORS: Final[dict[type[ast.operator], Callable[[float, float], float]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: _power,
}

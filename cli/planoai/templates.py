"""Templates of configurations and agents: those that ship, and those in folders that the user adds, found by words.

A template is one file whose first lines say what it is:

    #: id: governed_planner
    #: version: 1.0.0
    #: kind: configuration            or agent
    #: title: A planner of Tier 0 behind a listener
    #: words: governance agent planner

Several files may be versions of one template. Added folders and ratings are kept in PLANO_HOME/templates.sqlite; the
index that is searched, SQLite's FTS5, is made anew from the files each time: there are few.
"""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from plano_extproc import resources
from planoai.errors import Failure

KINDS: Final = ("configuration", "agent")
STARS: Final = range(1, 6)

_HEAD: Final = re.compile(r"#: ([a-z]+): (.+)")
_VERSION: Final = re.compile(r"\d+(?:\.\d+){0,3}")
_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_\-]{0,63}")
_WORD: Final = re.compile(r"\w+")
_MOST_BYTES: Final = 1024 * 1024
_ENDINGS: Final = (".yaml", ".yml", ".py")


@dataclass(frozen=True, slots=True)
class Template:
    """One version of a template. `rating` is the stars that the user gave it, if any."""

    id: str
    version: str
    kind: str
    title: str
    words: str
    path: Path
    rating: int | None = None

    @property
    def text(self) -> str:
        """What is written where the template is used: the file without what it says of itself."""
        lines = self.path.read_text(encoding="utf-8").splitlines(keepends=True)
        return "".join(line for line in lines if not _HEAD.match(line))

    @property
    def order(self) -> tuple[int, ...]:
        """What versions are compared by."""
        return tuple(int(part) for part in self.version.split("."))


class Registry:
    """The templates of one PLANO_HOME."""

    def __init__(self, home: Path) -> None:
        self._file = home / "templates.sqlite"

    def folders(self) -> list[Path]:
        """Return the folders that are looked through, the shipped one first."""
        return [resources.path("config/templates"), *(Path(one) for (one,) in self._ask("SELECT path FROM folders"))]

    def add(self, folder: Path) -> int:
        """Look through another folder from now on; return how many templates it has."""
        if not folder.is_dir():
            raise Failure(f"{folder} is no folder")
        found = list(_templates(folder.resolve()))
        if not found:
            raise Failure(f"{folder} has no templates", "begin each file with lines such as '#: id: my_template'")
        self._do("INSERT OR IGNORE INTO folders VALUES (?)", str(folder.resolve()))
        return len(found)

    def remove(self, folder: Path) -> None:
        """Look through a folder no more."""
        if not self._do("DELETE FROM folders WHERE path = ?", str(folder.resolve())):
            raise Failure(f"{folder} was not added")

    def rate(self, name: str, stars: int) -> Template:
        """Give a template stars; a later rating by the same user takes the place of the earlier one."""
        found = self.get(name)
        self._do("INSERT OR REPLACE INTO ratings VALUES (?, ?, ?)", found.id, found.version, stars)
        return self.get(f"{found.id}@{found.version}")

    def all(self) -> list[Template]:
        """Return every version of every template; of two with one id and version, the first folder's."""
        rated = {
            (ident, version): stars for ident, version, stars in self._ask("SELECT id, version, stars FROM ratings")
        }
        found: dict[tuple[str, str], Template] = {}
        for folder in self.folders():
            for one in _templates(folder):
                key = one.id, one.version
                found.setdefault(key, replace(one, rating=rated.get(key)))
        return sorted(found.values(), key=lambda one: (one.id, one.order))

    def latest(self) -> list[Template]:
        """Return the latest version of each template."""
        return list({one.id: one for one in self.all()}.values())

    def get(self, name: str) -> Template:
        """Return a template by its id, or by `id@version`."""
        ident, _, version = name.partition("@")
        versions = [one for one in self.all() if one.id == ident]
        if not versions:
            raise Failure(f"no template '{ident}'", f"there are: {', '.join(one.id for one in self.latest())}")
        found = next((one for one in versions if one.version == version), None) if version else versions[-1]
        if found is None:
            known = ", ".join(one.version for one in versions)
            raise Failure(f"template '{ident}' has no version {version}", f"there are: {known}")
        return found

    def search(self, words: str) -> list[Template]:
        """Return the latest versions that have some of the words, beginnings counting too, the best first."""
        wanted = _WORD.findall(words)
        if not wanted:
            return []
        latest = self.latest()
        with closing(sqlite3.connect(":memory:")) as db:
            db.execute("CREATE VIRTUAL TABLE found USING fts5(id, title, words, text, tokenize = 'porter unicode61')")
            for number, one in enumerate(latest):
                db.execute(
                    "INSERT INTO found (rowid, id, title, words, text) VALUES (?, ?, ?, ?, ?)",
                    (number, one.id.replace("_", " "), one.title, one.words, one.text),
                )
            query = " OR ".join(f'"{word}"*' for word in wanted)
            order = "SELECT rowid FROM found WHERE found MATCH ? ORDER BY bm25(found, 8.0, 5.0, 4.0, 1.0)"
            rows = db.execute(order, (query,)).fetchall()
        return [latest[number] for (number,) in rows]

    def _ask(self, query: str) -> list[Any]:
        if not self._file.exists():
            return []
        with closing(sqlite3.connect(self._file)) as db:
            _prepare(db)
            return db.execute(query).fetchall()

    def _do(self, statement: str, *values: object) -> int:
        self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._file.touch(mode=0o600)
        with closing(sqlite3.connect(self._file)) as db, db:
            _prepare(db)
            return db.execute(statement, values).rowcount


def _prepare(db: sqlite3.Connection) -> None:
    db.execute("CREATE TABLE IF NOT EXISTS folders (path TEXT PRIMARY KEY)")
    db.execute("CREATE TABLE IF NOT EXISTS ratings (id TEXT, version TEXT, stars INTEGER, PRIMARY KEY (id, version))")


def _templates(folder: Path) -> Iterator[Template]:
    for path in sorted(folder.glob("*")):
        if path.suffix in _ENDINGS and path.is_file() and path.stat().st_size <= _MOST_BYTES:
            found = _read(path)
            if found is not None:
                yield found


def _read(path: Path) -> Template | None:
    """Return what a file says of itself; None where it is no template."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return None
    told: dict[str, str] = {}
    for line in lines:
        found = _HEAD.fullmatch(line.rstrip())
        if found is None:
            break
        told[found[1]] = found[2].strip()
    if not _ID.fullmatch(told.get("id", "")) or not _VERSION.fullmatch(told.get("version", "")):
        return None
    if told.get("kind") not in KINDS:
        return None
    return Template(told["id"], told["version"], told["kind"], told.get("title", ""), told.get("words", ""), path)

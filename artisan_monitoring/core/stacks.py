"""Read tracebacks: chains of exceptions, their frames with source and variables, the project's own told from libraries.

The hot path is `FrameReader.line`: what is known about a line of code is worked out once and kept, so that the
thousandth error from one place costs a dictionary look-up per frame.
"""

from __future__ import annotations

import linecache
import logging
import os
import re
import sys
import sysconfig
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from types import CodeType, FrameType, TracebackType

from .plain import no_queries
from .reprs import clean_text, dotted_name

Entry = tuple[FrameType, int]
"""A frame and the line it was at."""

CONTEXT_LINES = 5
LINE_LENGTH = 200
CACHED_LINES = 4_096
# Shown of a chain: at most this many exceptions, of a group at most this many members.
LINKS = 10
MEMBERS = 5

_LIBRARY_PATHS = tuple(
    {os.path.join(path, "") for key, path in sysconfig.get_paths().items() if key.endswith(("stdlib", "lib"))}
)
_OWN_PATH = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "")
_TELLERS = (_OWN_PATH, logging.__file__, warnings.__file__)
# Libraries wherever they are installed from: a git checkout beside the project is no more the project's own.
_LIBRARIES = frozenset({"asgiref", "billiard", "celery", "django", "gunicorn", "kombu", "rest_framework", "uvicorn"})
# Frames that only pass the call on: middleware and decorators. They say nothing about where the error is, and adding
# one would give every error a new fingerprint.
_PASSES_ON = re.compile(r"\bget_response\(|\(.*\*args\b.*\*\*kwargs\s*\)+$")


def passes_on(text: str) -> bool:
    """Say whether a line of the project's own only passes the call on."""
    return _PASSES_ON.search(text) is not None


@dataclass(frozen=True, slots=True)
class CodeLine:
    """One line of running code. `code` is held so that its id, the key of the cache, stays its own; a line of a
    template or of text that would not compile has none."""

    code: CodeType | None
    module: str
    function: str
    file: str
    line: int
    in_app: bool
    passes_on: bool
    hidden: bool
    text: str
    first_line: int
    source: tuple[str, ...]
    size: int = field(init=False, compare=False)
    """Bytes that the source takes in a sample, about."""
    _json: dict[str, object] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        frame: dict[str, object] = {"module": self.module, "function": self.function, "file": self.file}
        frame.update(line=self.line, in_app=self.in_app)
        if self.passes_on:
            frame["passes_on"] = True
        if self.source:
            frame.update(first_line=self.first_line, source=self.source)
        object.__setattr__(self, "size", text_size(self.source))
        object.__setattr__(self, "_json", frame)

    def as_json(self) -> dict[str, object]:
        """Return the frame as it is stored, a copy each time; variables are added by the caller."""
        return self._json.copy()


def text_size(texts: Iterable[str]) -> int:
    """Return about how many bytes texts take as JSON; one that is not ASCII counts triple."""
    return sum([(len(text) if text.isascii() else 3 * len(text)) + 4 for text in texts])


@dataclass(slots=True)
class Link:
    """One exception of a chain. `relation` to its `parent` (an index): raised, cause, context or member."""

    exc: BaseException
    relation: str
    parent: int
    entries: list[Entry] = field(default_factory=list)


def entries_of(tb: TracebackType | None) -> list[Entry]:
    """Return a traceback's frames, outermost first."""
    entries: list[Entry] = []
    while tb is not None:
        entries.append((tb.tb_frame, tb.tb_lineno))
        tb = tb.tb_next
    return entries


def entries_above(frame: FrameType | None, limit: int = 100) -> list[Entry]:
    """Return the frames that are running now, outermost first: for an exception that was never raised."""
    entries: list[Entry] = []
    while frame is not None and len(entries) < limit:
        if not frame.f_code.co_filename.startswith(_OWN_PATH):
            entries.append((frame, frame.f_lineno))
        frame = frame.f_back
    entries.reverse()
    return entries


def caller() -> FrameType | None:
    """Return the innermost running frame that is not this package's, nor of what it was told by (a log call)."""
    frame: FrameType | None = sys._getframe()
    while frame is not None and frame.f_code.co_filename.startswith(_TELLERS):
        frame = frame.f_back
    return frame


# The slots themselves: a subclass may have put anything in their place, or in front of them.
_slots = vars(BaseException)
_args: Callable[[BaseException], tuple[object, ...]] = _slots["args"].__get__
_traceback: Callable[[BaseException], TracebackType | None] = _slots["__traceback__"].__get__
_cause: Callable[[BaseException], BaseException | None] = _slots["__cause__"].__get__
_context: Callable[[BaseException], BaseException | None] = _slots["__context__"].__get__
_suppress_context: Callable[[BaseException], bool] = _slots["__suppress_context__"].__get__
_members: Callable[[BaseException], tuple[BaseException, ...]] = vars(BaseExceptionGroup)["exceptions"].__get__


def chain(exc: BaseException) -> list[Link]:
    """Return the exception and what it came from, as Python prints it: causes, contexts, members of groups."""
    links = [Link(exc, "raised", -1)]
    seen = {id(exc)}
    index = 0
    while index < len(links):
        for relation, other in _origins(links[index].exc):
            if len(links) < LINKS and id(other) not in seen:
                seen.add(id(other))
                links.append(Link(other, relation, index))
        link = links[index]
        link.entries = entries_of(_traceback(link.exc))
        index += 1
    return links


def _origins(exc: BaseException) -> Iterable[tuple[str, BaseException]]:
    cause = _cause(exc)
    if cause is not None:
        yield "cause", cause
    elif not _suppress_context(exc):
        context = _context(exc)
        if context is not None:
            yield "context", context
    if issubclass(type(exc), BaseExceptionGroup):  # isinstance() would ask the object for its __class__
        for member in _members(exc)[:MEMBERS]:
            yield "member", member


def message_of(exc: BaseException) -> str:
    """Return `str(exc)`, or what can be said where that is broken. Foreign code that it runs may not query."""
    args = _args(exc)
    if len(args) == 1 and type(args[0]) is str and type(exc).__str__ is BaseException.__str__:
        return clean_text(args[0], 8_000)  # most are such: nothing foreign runs
    try:
        with no_queries():
            return clean_text(str.__getitem__(str(exc), slice(8_000)), 8_000)
    except Exception:
        return f"<broken __str__ of {dotted_name(type(exc))}>"


def notes_of(exc: BaseException) -> list[str]:
    """Return the notes added to an exception (PEP 678), at most ten."""
    try:
        notes = vars(exc).get("__notes__") or ()
        return [clean_text(str(note)) for note in list(notes)[:10] if isinstance(note, str)]
    except Exception:
        return []


class FrameReader:
    """Knows the lines of code that were seen, and which belong to the project.

    `include` and `exclude` are module prefixes; where both match, include wins. `redact` takes secrets out of source.
    """

    def __init__(
        self, include: Sequence[str] = (), exclude: Sequence[str] = (), redact: Callable[[str], str] = str
    ) -> None:
        self._include = tuple(include)
        self._exclude = tuple(exclude)
        self._redact = redact
        self._lines: dict[tuple[int | str, int], CodeLine] = {}

    def line(self, frame: FrameType, lineno: int) -> CodeLine:
        """Return what is known about the line that a frame is at."""
        code = frame.f_code
        key = (id(code), lineno)
        known = self._lines.get(key)
        return known if known is not None else self._keep(key, self._read(frame, code, lineno))

    def _keep(self, key: tuple[int | str, int], line: CodeLine) -> CodeLine:
        if len(self._lines) >= CACHED_LINES:
            self._lines.clear()
        self._lines[key] = line
        return line

    def _read(self, frame: FrameType, code: CodeType, lineno: int) -> CodeLine:
        module = frame.f_globals.get("__name__")
        module = module if isinstance(module, str) else ""
        in_app = self.in_app(module, code.co_filename)
        first, source = self._around(_source(code, frame.f_globals), lineno)
        text = source[lineno - first].strip() if source else ""
        return CodeLine(
            code=code,
            module=clean_text(module, 150),
            function=clean_text(code.co_qualname, 150),
            file=clean_text(short_path(code.co_filename), 250),
            line=lineno,
            in_app=in_app,
            passes_on=in_app and passes_on(text),
            hidden="__traceback_hide__" in code.co_varnames,
            text=text,
            first_line=first,
            source=source,
        )

    def in_file(self, path: str, lineno: int, function: str, text: str = "") -> CodeLine:
        """Return a line of a file that is no running code: a template's, or one that would not compile."""
        known = self._lines.get((path, lineno))
        if known is not None and known.function == function:
            return known
        linecache.checkcache(path)  # unlike a module, a template may be newer than the process
        first, source = self._around(linecache.getlines(path), lineno)
        shown = source[lineno - first].strip() if source else clean_text(self._redact(text.strip()), LINE_LENGTH)
        name = clean_text(short_path(path), 250)
        in_app = self.in_app("", path)
        line = CodeLine(None, name, function, name, lineno, in_app, False, False, shown, first, source)
        return self._keep((path, lineno), line)

    def _around(self, lines: list[str], lineno: int) -> tuple[int, tuple[str, ...]]:
        """Return the first line's number and the lines around one, redacted; none where the line does not exist."""
        first = max(1, lineno - CONTEXT_LINES)
        if not 0 < lineno <= len(lines):
            return first, ()
        text = self._redact("".join(lines[first - 1 : lineno + CONTEXT_LINES]))
        source = tuple(clean_text(line, LINE_LENGTH) for line in text.splitlines())
        # A secret over several lines was taken out as one: the numbers would be wrong.
        return first, source if len(source) == len(lines[first - 1 : lineno + CONTEXT_LINES]) else ()

    def in_app(self, module: str, path: str) -> bool:
        """Say whether code is the project's own: by the settings, else by where it lies."""
        if self._include and _under(module, self._include):
            return True
        if module.partition(".")[0] in _LIBRARIES or (self._exclude and _under(module, self._exclude)):
            return False
        if path.startswith(("<", _OWN_PATH)) or "site-packages" in path or "dist-packages" in path:
            return False
        return not path.startswith(_LIBRARY_PATHS)


def _under(module: str, prefixes: Sequence[str]) -> bool:
    return any(module == prefix or module.startswith(f"{prefix}.") for prefix in prefixes)


def short_path(path: str) -> str:
    """Return a file's path below the longest entry of `sys.path` that holds it."""
    roots = [root for root in sys.path if root and path.startswith(os.path.join(root, ""))]
    return path[len(max(roots, key=len)) :].lstrip(os.sep) if roots else path


def _source(code: CodeType, module_globals: dict[str, object]) -> list[str]:
    """Return the lines of the file that a code object came from; none where they are no longer its own.

    A file that was edited after the process started has other lines than the code that runs. Where the function's
    first line is not there, the file is read again (it may be the module that was reloaded), and else left out.
    """
    lines = linecache.getlines(code.co_filename, module_globals)
    if lines and not _anchored(code, lines):
        linecache.checkcache(code.co_filename)
        lines = linecache.getlines(code.co_filename, module_globals)
        if not _anchored(code, lines):
            return []
    return lines


def _anchored(code: CodeType, lines: list[str]) -> bool:
    if code.co_name.startswith("<"):
        return True
    if not 0 < code.co_firstlineno <= len(lines):
        return False
    first = lines[code.co_firstlineno - 1].lstrip()
    return first.startswith("@") or code.co_name in first

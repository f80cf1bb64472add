"""Find lines that are no Python frames: of a Django template, with or without DEBUG, and of code that will not parse.

Django says so only with `debug` on (`template_debug`). The frames say it always: `Node.render_annotated` holds the node
that was rendered, and the node its origin and line; `Template.compile_nodelist` the origin of what would not compile.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..core.stacks import CodeLine, Entry, FrameReader

Shown = tuple[CodeLine, Entry | None]
"""A line, and its frame if it has one."""


def has_other_lines(exc: BaseException, lines: Sequence[CodeLine]) -> bool:
    """Say whether to look for such lines at all: for most errors, no."""
    for line in lines:
        if line.module == "django.template.base":
            return True
    return issubclass(type(exc), SyntaxError)


def with_other_lines(
    reader: FrameReader, exc: BaseException, entries: Sequence[Entry], lines: Sequence[CodeLine]
) -> list[Shown]:
    """Return lines and frames, after each template's innermost node its line, and last the line that will not parse."""
    shown: list[Shown] = []
    for entry, line in zip(entries, lines, strict=True):
        shown.append((line, entry))
        find = _POSITIONS.get(line.function) if line.module == "django.template.base" else None
        found = find(entry, exc) if find is not None else None
        if found is not None:
            _replace_same_file(shown, reader.in_file(found[0], found[1], "template"))
    if isinstance(exc, SyntaxError) and isinstance(exc.filename, str) and isinstance(exc.lineno, int):
        text = exc.text if isinstance(exc.text, str) else ""
        shown.append((reader.in_file(exc.filename, exc.lineno, "syntax", text), None))
    return shown


def _replace_same_file(shown: list[Shown], line: CodeLine) -> None:
    # Blocks in loops in blocks: each renders the next; only the innermost of a file says where the error is.
    for index in range(len(shown) - 1, -1, -1):
        known, entry = shown[index]
        if entry is None and known.file == line.file:
            del shown[index]
        if entry is None or known.in_app:
            break
    shown.append((line, None))


def _rendered(entry: Entry, exc: BaseException) -> tuple[str, int] | None:
    node = entry[0].f_locals.get("self")
    return _position(node, getattr(node, "token", None))


def _compiled(entry: Entry, exc: BaseException) -> tuple[str, int] | None:
    return _position(entry[0].f_locals.get("self"), getattr(exc, "token", None))


def _position(holder: object, token: object) -> tuple[str, int] | None:
    path = getattr(getattr(holder, "origin", None), "name", None)
    lineno = getattr(token, "lineno", None)
    if not isinstance(path, str) or not isinstance(lineno, int) or path.startswith("<"):
        return None
    return path, lineno


_POSITIONS = {"Node.render_annotated": _rendered, "Template.compile_nodelist": _compiled}

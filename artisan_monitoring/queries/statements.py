"""SQL text as it may be shown: the operation it starts with, and the statement without a single literal."""

from __future__ import annotations

import re
from hashlib import blake2b

from ..core.patterns import lazily

MAX_READ = 20_000
MAX_KEPT = 2_000
FOLDED = "?"
CUT = "…"

_OPERATIONS = """
    SELECT INSERT UPDATE DELETE MERGE REPLACE WITH VALUES CALL EXEC EXECUTE EXPLAIN ANALYZE VACUUM PRAGMA SET SHOW USE
    LOCK BEGIN START COMMIT ROLLBACK SAVEPOINT RELEASE
    CREATE ALTER DROP TRUNCATE GRANT REVOKE COPY DECLARE FETCH MOVE CLOSE
    LISTEN NOTIFY REINDEX REFRESH COMMENT DISCARD
"""
OPERATIONS = frozenset(_OPERATIONS.split())
OTHER = "OTHER"

_FIRST_WORD = re.compile(r"(?:[\s(;]|--[^\n]*\n|/\*.*?\*/)*([A-Za-z]+)", re.DOTALL)

_TOKEN = lazily(
    r"""
      (?P<space>\s+)
    | (?P<line>--[^\n]*)
    | (?P<comment>/\*.*?(?:\*/|\Z))
    | (?P<string>(?:[eEnNbBxX] | [uU]& | _[A-Za-z0-9]+)? '(?:[^']|'')*(?:'|\Z))
    | (?P<oracle>[nN]?[qQ]')
    | (?P<dollar>\$(?P<tag>[A-Za-z_]\w*|)\$.*?(?:\$(?P=tag)\$|\Z))
    | (?P<quoted>"(?:[^"]|"")*(?:"|\Z))
    | (?P<name>`[^`]*(?:`|\Z) | (?:%%)?[^\W\d][\w$]*)
    | (?P<value>%s | %\(\w*\)s | \$\d+ | (?<![:\w]):[A-Za-z_]\w* | \? | \.?\d[\w.]*(?:(?<=[eE])[+-]\d+)?)
    | (?P<hash>\#(?![>-]))
    | (?P<sign>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_LIST = lazily(r"\( ?\?(?: ?, ?\?)+ ?\)")
_ROWS = lazily(r"\( ?\? ?\)(?: ?, ?\( ?\? ?\))+")
_EXPECTANT = "= < > ~ | + - * / LIKE ILIKE GLOB REGEXP MATCH ESCAPE IN BETWEEN THEN ELSE VALUES LIMIT IS NOT CONCAT"
_BEFORE_A_VALUE = frozenset(_EXPECTANT.split())


def operation_of(sql: str) -> str:
    """Return the first keyword of a statement in capitals ("SELECT"), or "OTHER": few values, fit for a tag.

    This is `db.operation.name` of OpenTelemetry's database conventions.
    """
    found = _FIRST_WORD.match(sql[:1000])
    word = found[1].upper() if found else ""
    return word if word in OPERATIONS else OTHER


def normalise(sql: str, vendor: str = "") -> str:
    """Return the statement with literals, placeholders and lists folded to `?`, on one line, at most 2,000 characters.

    Where dialects disagree on where a string ends (a backslash before the quote, `#`, a comment in a comment) the rest
    of the statement is cut with `…`: showing less is always safe, showing a literal never. A double-quoted word is a
    name, except on MySQL, and on SQLite where a value is expected.
    """
    parts: list[str] = []
    previous = ""
    for token in _TOKEN.finditer(sql[:MAX_READ]):
        kind, text = token.lastgroup or "", token[0]
        if kind == "tag":
            kind = "dollar"
        if _ambiguous(kind, text):
            parts.append(CUT)
            break
        shown = _shown(kind, text, vendor, parts, sql[token.end() : token.end() + 1])
        if shown != " " or previous != " ":
            parts.append(shown)
        previous = shown
    statement = "".join(parts).strip()
    statement = _ROWS.sub("(?)", _LIST.sub("(?)", statement))
    return statement if len(statement) <= MAX_KEPT else statement[: MAX_KEPT - 1] + CUT


def digest(statement: str) -> str:
    """Return 16 hex digits that stand for a normalised statement."""
    return blake2b(statement.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def _ambiguous(kind: str, text: str) -> bool:
    if kind == "string":
        # Unclosed, or MySQL may read on where PostgreSQL stops.
        opening = text.index("'")
        return "\\" in text or len(text) < opening + 2 or text[-1] != "'" or text.count("'") % 2 == 1
    if kind == "quoted":
        return "\\" in text or len(text) < 2 or text[-1] != '"' or text.count('"') % 2 == 1
    if kind == "comment":
        return "/*" in text[2:] or not text.endswith("*/") or len(text) < 4
    if kind == "name":
        return text[0] == "`" and (len(text) < 2 or text[-1] != "`")
    if kind == "line":
        # MySQL wants a space after the dashes, PostgreSQL ends the comment at a carriage return too.
        return "\r" in text[:-1] or text[2:3].strip() != ""
    return kind in ("hash", "oracle")


def _shown(kind: str, text: str, vendor: str, parts: list[str], following: str) -> str:
    if kind in ("space", "line", "comment"):
        return " "
    if kind in ("string", "dollar", "value"):
        return FOLDED
    if kind == "quoted" and (vendor == "mysql" or _stands_for_a_value(vendor, parts, following)):
        return FOLDED
    return text


def _stands_for_a_value(vendor: str, parts: list[str], following: str) -> bool:
    """Tell whether SQLite may read this double-quoted word as a string, as it does when no column has the name."""
    if vendor != "sqlite" or following == ".":
        return False
    before = [part for part in parts[-6:] if part != " "]
    while before and before[-1] == "(":
        before.pop()
    if not before:
        return False
    if before[-1] == ",":
        return len(before) > 1 and before[-2] == FOLDED
    return before[-1].upper() in _BEFORE_A_VALUE

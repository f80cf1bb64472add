"""Statements as they may be shown: no literal survives, whatever the dialect."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artisan_monitoring.queries.statements import MAX_KEPT, digest, normalise, operation_of

VENDORS = ("postgresql", "sqlite", "mysql", "oracle", "")
SECRET = "hunter2secret"


@pytest.mark.parametrize(
    ("sql", "operation"),
    [
        ("SELECT 1", "SELECT"),
        ("  \n select 1", "SELECT"),
        ("(SELECT 1) UNION (SELECT 2)", "SELECT"),
        ("/* hint */ -- more\n UPDATE t SET a = 1", "UPDATE"),
        ('INSERT INTO "t" VALUES (%s)', "INSERT"),
        ('SAVEPOINT "s123_x1"', "SAVEPOINT"),
        ('RELEASE SAVEPOINT "s1"', "RELEASE"),
        ("WITH a AS (SELECT 1) SELECT * FROM a", "WITH"),
        ("", "OTHER"),
        ("/* never closed", "OTHER"),
        ("hunter2 is no keyword", "OTHER"),
    ],
)
def test_the_operation_is_the_first_keyword(sql, operation):
    assert operation_of(sql) == operation


@given(st.text(max_size=300))
def test_the_operation_is_one_of_few_words_whatever_the_text(sql):
    assert operation_of(sql).isupper()


@pytest.mark.parametrize(
    ("vendor", "sql", "shown"),
    [
        ("postgresql", "SELECT a FROM t WHERE b = 'it''s' AND c = 1.5e-10", "SELECT a FROM t WHERE b = ? AND c = ?"),
        ("postgresql", "SELECT a::int, '{}'::jsonb #>> 'x' FROM t2", "SELECT a::int, ?::jsonb #>> ? FROM t2"),
        ("postgresql", "SELECT $tag$ it's $tag$, $1, E'x', 0x1F", "SELECT ?, ?, ?, ?"),
        ("sqlite", 'INSERT INTO "t" ("a", "b") VALUES (%s, %s), (%s, %s)', 'INSERT INTO "t" ("a", "b") VALUES (?)'),
        (
            "sqlite",
            'SELECT "t"."a" FROM "t" WHERE "t"."b" IN (1, 2, 3) LIMIT 21',
            'SELECT "t"."a" FROM "t" WHERE "t"."b" IN (?) LIMIT ?',
        ),
        (
            "sqlite",
            'SELECT 1 WHERE a = "x" AND b IN ("x", "y") AND "t"."c" = "t"."d"',
            'SELECT ? WHERE a = ? AND b IN (?) AND "t"."c" = "t"."d"',
        ),
        ("mysql", 'SELECT `a` FROM t WHERE b = "x" AND c = :name', "SELECT `a` FROM t WHERE b = ? AND c = ?"),
        ("mysql", r"SELECT 'it\'s' FROM t WHERE a = 'b'", "SELECT …"),
        ("mysql", "SELECT a # it's\n FROM t", "SELECT a …"),
        ("oracle", "SELECT q'[it's]' FROM t", "SELECT …"),
        ("", "SELECT a /* one */ FROM b /* a /* b */ c */", "SELECT a FROM b …"),
        ("", "SELECT a -- it's a comment\n FROM b", "SELECT a FROM b"),
        ("", "SELECT a --it's\n FROM b", "SELECT a …"),
        ("", "SELECT 'never closed", "SELECT …"),
    ],
)
def test_literals_lists_and_comments_are_folded(vendor, sql, shown):
    assert normalise(sql, vendor) == shown


def test_statements_that_differ_in_values_only_are_one():
    first = normalise("SELECT * FROM t WHERE id IN (1,2,3) AND n = 'a'", "sqlite")
    second = normalise("SELECT *  FROM t WHERE id IN (%s) AND n = 'bcd'", "sqlite")
    assert digest(first) == digest(second)
    assert digest(first) != digest(normalise("SELECT * FROM u WHERE id IN (1)", "sqlite"))


def test_a_long_statement_is_cut():
    assert len(normalise("SELECT " + "column_name, " * 2000)) == MAX_KEPT


literals = st.sampled_from(
    [
        f"'{SECRET}'",
        f"'it''s {SECRET}'",
        f"'{SECRET}'''",
        f"'/* {SECRET}'",
        f"'-- {SECRET}'",
        f"'\" {SECRET}'",
        f"''''||'{SECRET}'",
        f"E'{SECRET}'",
        f"N'{SECRET}'",
        f"E'it\\'s {SECRET}'",
        f"$${SECRET}$$",
        f"$a$ ' {SECRET} $a$",
        f"/* {SECRET} ' */ 1",
        f"1 -- {SECRET} '\n",
        f"'a\n{SECRET}'",
        "1234567",
        "0xDEAD1234567",
        ".1234567",
        "1234567e-5",
    ]
)
sqlite_only = st.sampled_from([f'"{SECRET}"', f'("{SECRET}", "{SECRET}")'])
mysql_only = st.sampled_from(
    [f'"{SECRET}"', f"'it\\'s {SECRET}'", f'"say \\" {SECRET}"', f"1 # ' {SECRET}\n", f"1 -- ' {SECRET}\n"]
)
gaps = st.sampled_from([" ", "  ", "\n", "\t", " /**/ ", ""])


@st.composite
def statements(draw):
    """A statement with secrets in the places where the dialect takes values, and the dialect."""
    vendor = draw(st.sampled_from(VENDORS))
    own = {"sqlite": st.one_of(literals, sqlite_only), "mysql": st.one_of(literals, mysql_only)}
    values = draw(st.lists(own.get(vendor, literals), min_size=1, max_size=6))
    if vendor == "mysql":
        values = [each for each in values if not each.startswith("$")] or ["'x'"]
    conditions = "".join(f' AND "t"."c{n}"{draw(gaps)}={draw(gaps)}{value} ' for n, value in enumerate(values))
    return f'SELECT "t"."a" FROM "t" WHERE 1=1{conditions}', vendor


@given(statements())
def test_no_literal_is_ever_shown(made):
    sql, vendor = made
    shown = normalise(sql, vendor)
    assert SECRET not in shown
    assert "1234567" not in shown
    assert shown.startswith("SELECT")


@given(st.text(max_size=400), st.sampled_from(VENDORS))
def test_whatever_comes_in_a_short_line_comes_out(sql, vendor):
    shown = normalise(sql, vendor)
    assert len(shown) <= MAX_KEPT
    assert "\n" not in shown
    assert "'" not in shown

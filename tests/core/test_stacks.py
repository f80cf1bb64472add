"""Tracebacks are read as they are: own code told from libraries, source only where it is that of the running code."""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType, TracebackType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artisan_monitoring.core.folding import fold, trim
from artisan_monitoring.core.redaction import Redactor
from artisan_monitoring.core.reprs import SafeRepr, clean_text
from artisan_monitoring.core.stacks import CodeLine, FrameReader, chain, entries_of, message_of, notes_of


def load(path, source: str, name: str = "loaded_for_stacks") -> ModuleType:
    path.write_text(source)
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def traceback_of(function) -> TracebackType:
    try:
        function()
    except Exception as exc:
        return exc.__traceback__
    raise AssertionError("did not raise")


def innermost(reader: FrameReader, function) -> CodeLine:
    return reader.line(*entries_of(traceback_of(function))[-1])


class TestSource:
    def test_line_is_read_with_five_around(self, tmp_path):
        source = "".join(f"# {n}\n" for n in range(1, 10)) + "def fail():\n    raise ValueError\n" + "# after\n" * 9
        line = innermost(FrameReader(), load(tmp_path / "shop.py", source).fail)
        assert (line.line, line.first_line, len(line.source), line.text) == (11, 6, 11, "raise ValueError")
        assert (line.module, line.function) == ("loaded_for_stacks", "fail")

    def test_source_that_changed_under_the_running_code_is_not_shown(self, tmp_path):
        module = load(tmp_path / "shop.py", "def fail():\n    raise ValueError\n")
        (tmp_path / "shop.py").write_text("# a new deploy\n# is\n# longer\ndef other(): ...\n")
        line = innermost(FrameReader(), module.fail)
        assert (line.source, line.text) == ((), "")

    def test_reloaded_module_shows_its_new_source(self, tmp_path):
        assert innermost(FrameReader(), load(tmp_path / "shop.py", "def fail():\n    raise ValueError\n").fail).source
        newer = load(tmp_path / "shop.py", "# longer now\n\ndef fail():\n    raise ValueError  # new\n")
        assert innermost(FrameReader(), newer.fail).text == "raise ValueError  # new"

    def test_line_is_worked_out_once(self, tmp_path):
        module = load(tmp_path / "shop.py", "def fail():\n    raise ValueError\n")
        reader = FrameReader()
        assert innermost(reader, module.fail) is innermost(reader, module.fail)

    def test_secrets_in_source_are_redacted(self, tmp_path):
        module = load(
            tmp_path / "shop.py", "def fail():\n    url = 'postgres://shop:hush@db/x'\n    raise ValueError\n"
        )
        line = innermost(FrameReader(redact=Redactor().text), module.fail)
        assert "hush" not in repr(line)
        assert line.text == "raise ValueError"

    def test_code_without_a_file_has_no_source(self):
        scope: dict = {}
        exec("def fail():\n    raise ValueError\n", scope)
        assert innermost(FrameReader(), scope["fail"]).source == ()


class TestOwnOrLibrary:
    @pytest.mark.parametrize(
        ("module", "path", "own"),
        [
            ("shop.views", "/srv/shop/views.py", True),
            ("requests.api", "/srv/venv/lib/python3.11/site-packages/requests/api.py", False),
            ("json", sys.modules["json"].__file__, False),
            ("django.db", "/home/dev/django/db/__init__.py", False),
            ("artisan_monitoring.conf", sys.modules["artisan_monitoring"].__file__, False),
            ("importlib", "<frozen importlib._bootstrap>", False),
        ],
    )
    def test_by_place(self, module, path, own):
        assert FrameReader().in_app(module, path) is own

    def test_settings_decide_first_and_include_wins(self):
        reader = FrameReader(include=("company.shared",), exclude=("shop.vendored", "company"))
        assert reader.in_app("company.shared.tax", "/x/site-packages/company/shared/tax.py")
        assert not reader.in_app("shop.vendored.thing", "/srv/shop/vendored/thing.py")
        assert reader.in_app("shop.vendoredish", "/srv/shop/vendoredish.py")

    @pytest.mark.parametrize(
        "call",
        ["get_response(1)", "wrapped(*args, **kwargs)", "wrapped(1, *args, **kwargs)", "get_response(get_response)"],
    )
    def test_frame_that_only_calls_on_is_known(self, tmp_path, call):
        source = (
            "def get_response(*a):\n    raise ValueError\n"
            f"wrapped, args, kwargs = get_response, (), {{}}\ndef fail():\n    return {call}\n"
        )
        module = load(tmp_path / "wrap.py", source)
        entries = entries_of(traceback_of(module.fail))
        assert [FrameReader().line(*entry).passes_on for entry in entries[-2:]] == [True, False]


class TestChains:
    def test_cycle_of_causes_ends(self):
        one, two = ValueError("1"), ValueError("2")
        one.__cause__, two.__cause__ = two, one
        assert [link.relation for link in chain(one)] == ["raised", "cause"]

    def test_nested_groups_are_bounded(self):
        group = ExceptionGroup("x", [ExceptionGroup("y", [ValueError(str(n)) for n in range(20)]) for _ in range(20)])
        assert len(chain(group)) == 10

    def test_notes_that_are_none(self):
        exc = ValueError()
        exc.__notes__ = [1, "fine", None]
        assert notes_of(exc) == ["fine"]

    def test_message_of_a_text_subclass_that_lies(self):
        class Text(str):
            def __getitem__(self, key):
                raise RuntimeError

        assert message_of(type("E", (Exception,), {"__str__": lambda self: Text("hello")})()) == "hello"


class TestFolding:
    def test_cycles_are_folded(self):
        assert fold("abcbcbcd") == [(0, 1), (1, 3), (2, 3), (7, 1)]
        assert fold("aaaa") == [(0, 4)]
        assert fold("") == []

    @given(st.text("abc", max_size=60))
    def test_folding_accounts_for_every_frame(self, keys):
        assert sum(times for _, times in fold(keys)) == len(keys)

    def test_middle_of_a_long_stack_is_left_out(self):
        kept, left_out = trim([(n, 1) for n in range(100)])
        assert (len(kept), left_out, kept[0], kept[-1]) == (50, 50, (0, 1), (99, 1))


class Slow:
    def __init__(self):
        self.password, self.total = "hush", 5


class TestReprs:
    @pytest.mark.parametrize(
        ("value", "shown"),
        [
            (5, "5"),
            ("text", "'text'"),
            (b"raw\xff", "b'raw\xff'"),
            ((1, [2, {3}]), "(1, [2, {3}])"),
            ({"a": 1, "api_token": "hush"}, "{'a': 1, 'api_token': [redacted]}"),
            (Slow(), "Slow(password=[redacted], total=5)"),
            (list(range(20)), "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, …]"),
            ([[[[[[1]]]]]], "[[[[[…]]]]]"),
            (sys, "<module sys>"),
            pytest.param(10**5000, "<broken repr of int>", id="int of 5,000 digits"),
        ],
    )
    def test_values(self, value, shown):
        assert SafeRepr(Redactor()).named("x", value) == shown

    def test_cycle(self):
        knot: list = []
        knot.append(knot)
        assert SafeRepr(Redactor()).named("x", knot) == "[<cycle>]"

    def test_subclass_that_lies_about_itself(self):
        class Liar(dict):
            __class__ = property(lambda self: 1 / 0)

            def items(self):
                raise RuntimeError

            __iter__ = __len__ = items

        assert (
            SafeRepr(Redactor()).named("x", Liar(a=1))
            == "TestReprs.test_subclass_that_lies_about_itself.<locals>.Liar{'a': 1}"
        )

    @pytest.mark.parametrize("name", ["password", "API_KEY", "sessionid"])
    def test_secret_names_are_masked(self, name):
        assert SafeRepr(Redactor()).named(name, object()) == "[redacted]"

    def test_large_structures_are_cut(self):
        wide = [[[list(range(9)) for _ in range(9)] for _ in range(9)] for _ in range(9)]
        assert len(SafeRepr(Redactor()).named("x", wide)) <= 300

    @given(st.text(st.characters(exclude_categories=[])))  # lone surrogates too
    def test_clean_text_is_taken_by_utf8_and_has_no_nul(self, text):
        cleaned = clean_text(text, 50)
        assert len(cleaned) <= 50
        assert "\x00" not in cleaned.encode().decode()
        assert len(clean_text("x" * 99, 50)) == 50

    def test_a_name_beside_its_value_hides_it(self):
        show = SafeRepr(Redactor())
        headers = [("Authorization", "Basic x1"), (b"cookie", b"x2"), ["accept", "text/html"]]
        shown = show.named("headers", headers)
        assert shown == "[('Authorization', [redacted]), (b'cookie', [redacted]), ['accept', 'text/html']]"
        assert "x3" not in show.named("pair", ("api_token", "x3"))
        assert "x4" not in show.named("har", [{"name": "X-Api-Key", "value": "x4"}])
        assert show.named("har", {"name": "Accept", "value": "text"}) == "{'name': 'Accept', 'value': 'text'}"

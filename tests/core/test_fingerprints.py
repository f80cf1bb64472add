"""What makes two errors one problem, and what must not make them two."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256
from uuid import UUID

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from artisan_monitoring.core.fingerprints import (
    ExceptionPart,
    culprit,
    depends_on_message,
    normalised,
    of_exception,
    of_log,
    of_parts,
)
from artisan_monitoring.core.stacks import CodeLine


def line(module: str, function: str, text: str, *, in_app: bool = True, lineno: int = 1, passes_on: bool = False):
    return CodeLine(None, module, function, f"{module}.py", lineno, in_app, passes_on, False, text, lineno, (text,))


VIEW = line("shop.views", "pay", "charge(order)")
CHARGE = line("shop.billing", "charge", "raise Refused(order.number)")
LIBRARY = line("requests.api", "get", "return request()", in_app=False)


def of(*lines: CodeLine, type_: str = "shop.Refused", message: str = "no") -> str:
    return of_exception([ExceptionPart(type_, message, lines)]).hash


class TestOneGroup:
    def test_line_numbers_do_not_count(self):
        moved = line("shop.billing", "charge", CHARGE.text, lineno=99)
        assert of(VIEW, CHARGE) == of(VIEW, moved)

    def test_library_frames_do_not_count(self):
        assert of(VIEW, CHARGE) == of(LIBRARY, VIEW, LIBRARY, CHARGE, LIBRARY)

    def test_message_does_not_count_beside_own_frames(self):
        assert of(VIEW, message="order 1") == of(VIEW, message="something else entirely")

    def test_frames_that_pass_on_do_not_count(self):
        wrapper = line("shop.middleware", "Timing.__call__", "return self.get_response(request)", passes_on=True)
        assert of(VIEW, CHARGE) == of(wrapper, VIEW, CHARGE)

    def test_recursion_counts_once_whatever_its_depth_and_end(self):
        a, b = line("shop.tree", "odd", "even(n)"), line("shop.tree", "even", "odd(n)")
        assert of(a, b, a, b) == of(a, b, a, b, a, b, a)

    def test_lambdas_and_comprehensions_are_their_function(self):
        inner = line("shop.billing", "charge.<locals>.<genexpr>", CHARGE.text)
        assert of(VIEW, CHARGE) == of(VIEW, inner)

    def test_number_and_order_of_a_groups_members_do_not_count(self):
        one = ExceptionPart("A", "", [VIEW], "member")
        two = ExceptionPart("B", "", [CHARGE], "member")
        top = ExceptionPart("ExceptionGroup", "", [VIEW])
        assert of_exception([top, one, two]).hash == of_exception([top, two, one, one]).hash


class TestTwoGroups:
    def test_type_counts(self):
        assert of(VIEW, type_="A") != of(VIEW, type_="B")

    def test_place_counts(self):
        assert of(VIEW) != of(VIEW, CHARGE)

    def test_source_line_counts(self):
        assert of(CHARGE) != of(line("shop.billing", "charge", "raise Refused(None)"))

    def test_innermost_frame_counts_even_if_it_passes_on(self):
        saves = line("shop.models", "Order.save", "super().save(*args, **kwargs)", passes_on=True)
        assert of(VIEW, saves, LIBRARY) != of(VIEW, LIBRARY)

    def test_cause_counts(self):
        top, cause = ExceptionPart("A", "", [VIEW]), ExceptionPart("B", "", [LIBRARY], "cause")
        assert of_exception([top]).hash != of_exception([top, cause]).hash

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("UNIQUE constraint failed: shop_order.number", "UNIQUE constraint failed: shop_user.email"),
            ('relation "shop_order" does not exist', 'relation "shop_user" does not exist'),
            ("no such table: shop_order", "no such table: shop_user"),
            ("Duplicate entry '7' for key 'order_number'", "Duplicate entry '7' for key 'user_email'"),
        ],
    )
    def test_table_or_constraint_of_a_database_error_counts(self, one, other):
        kind = "django.db.utils.IntegrityError"
        assert of(VIEW, type_=kind, message=one) != of(VIEW, type_=kind, message=other)
        assert of(VIEW, type_=kind, message=one) == of(VIEW, type_=kind, message=one + " (again)")


class TestMessages:
    def test_message_counts_where_no_own_frame_does(self):
        assert of(LIBRARY, message="timed out") != of(LIBRARY, message="refused")
        assert of(LIBRARY, message="order 17") == of(LIBRARY, message="order 18")
        assert depends_on_message([ExceptionPart("A", "", [LIBRARY])])
        assert not depends_on_message([ExceptionPart("A", "", [VIEW])])

    @pytest.mark.parametrize(
        ("message", "shown"),
        [
            ("user ann@example.org", "user <email>"),
            ("GET https://pay.example/x?a=1 failed", "GET <url> failed"),
            ("at 2026-05-04T12:00:01Z", "at <date>"),
            ("id 6bfbd898-8972-42d3-bb55-423f0e4efb19", "id <uuid>"),
            ("from 192.0.2.7 and 2001:db8:0:1:1:1:1:1", "from <ip> and <ip>"),
            ("object at 0x7f00aa", "object at <hex>"),
            ("commit da39a3ee5e6b4b0d3255bfef95601890afd80709", "commit <hex>"),
            ("'Ann' is -1.5 of 1e9", "<quoted> is <number> of <number>"),
            ("one\n\ntwo\nthree", "one / two"),
            ("defaced cafe", "defaced cafe"),
        ],
    )
    def test_what_varies_is_named(self, message, shown):
        assert normalised(message) == shown

    @given(st.text(max_size=3_000))
    def test_any_text_is_normalised_to_little(self, message):
        assert len(normalised(message)) <= 300


class TestReasons:
    def test_components_say_what_was_hashed(self):
        components = of_exception([ExceptionPart("shop.Refused", "no", [LIBRARY, VIEW, CHARGE])]).components
        assert components == (
            "raised shop.Refused",
            "  shop.views in pay: charge(order)",
            "  shop.billing in charge: raise Refused(order.number)",
        )

    def test_hash_is_what_it_was(self):
        # Stored hashes live for months: a change here is a new version, never an edit of this figure.
        fingerprint = of_exception([ExceptionPart("shop.Refused", "no", [VIEW, CHARGE])])
        assert (fingerprint.version, fingerprint.hash[:16]) == (1, "d903e694ce49eea7")

    def test_culprit_is_the_innermost_own_frame_else_the_innermost(self):
        assert culprit([VIEW, CHARGE, LIBRARY]) == "shop.billing in charge"
        assert culprit([LIBRARY]) == "requests.api in get"
        assert culprit([]) == ""


def log(template: str) -> str:
    return of_log("shop.orders", template).hash


class TestLogs:
    def test_the_template_counts_and_the_logger(self):
        assert log("order %s refused") != log("order %s lost")
        assert of_log("shop", "x").hash != of_log("billing", "x").hash
        assert of_log("shop.orders", "order %s refused").components == (
            "logged by shop.orders",
            "  template: order %s refused",
        )

    def test_what_an_f_string_put_in_does_not(self):
        assert log("order 17 of ann@example.org refused") == log("order 18 of bob@example.org refused")


class TestParts:
    DEFAULT = of_exception([ExceptionPart("shop.Refused", "no", [VIEW, CHARGE])])

    def test_default_alone_is_the_default(self):
        for parts in ([], ["{{ default }}"], ["{{default}}"]):
            assert of_parts(parts, self.DEFAULT) is self.DEFAULT

    def test_without_default_only_the_parts_count(self):
        other = of_exception([ExceptionPart("A", "", [VIEW])])
        assert of_parts(["payments"], self.DEFAULT).hash == of_parts(["payments"], other).hash
        assert of_parts(["payments"], self.DEFAULT).hash != of_parts(["refunds"], other).hash
        assert of_parts(["a", "b"], other).hash != of_parts(["b", "a"], other).hash

    def test_with_default_both_count_and_are_told(self):
        one = of_parts(["tenant 1", "{{ default }}"], self.DEFAULT)
        assert one.hash != of_parts(["tenant 2", "{{ default }}"], self.DEFAULT).hash
        assert one.components[:3] == ("chosen by the project", "  tenant 1", "  {{ default }}")
        assert one.components[3:] == tuple(f"    {line}" for line in self.DEFAULT.components)
        assert one.version == self.DEFAULT.version

    def test_parts_are_bounded(self):
        assert len(of_parts([str(n) * 900 for n in range(99)], self.DEFAULT).components) == 21


# -- whatever the program ----------------------------------------------------------------------------------------------

names = st.sampled_from(["shop.views", "shop.models", "shop.billing", "shop.tasks"])
functions = st.sampled_from(["pay", "Order.save", "charge.<locals>.inner", "total"])
texts = st.sampled_from(["charge(order)", "return total", "raise Refused(number)", "x = y[1]"])
own_frames = st.builds(line, names, functions, texts, lineno=st.integers(1, 900))
library_frames = st.builds(
    line,
    st.sampled_from(["django.db", "requests.api"]),
    functions,
    texts,
    in_app=st.just(False),
    lineno=st.integers(1, 900),
)
passing_frames = st.builds(
    line, names, st.just("Middleware.__call__"), st.just("return self.get_response(request)"), passes_on=st.just(True)
)
chains = st.lists(
    st.tuples(st.sampled_from(["A", "B"]), st.lists(own_frames, min_size=1, max_size=6)), min_size=1, max_size=3
)


def parts_of(chain, message: str = "m") -> list[ExceptionPart]:
    return [
        ExceptionPart(kind, message, lines, "raised" if index == 0 else "cause")
        for index, (kind, lines) in enumerate(chain)
    ]


class TestWhateverTheProgram:
    @given(chains, st.integers(-500, 500), st.text(max_size=80))
    def test_moved_lines_and_other_messages_are_the_same_problem(self, chain, by, message):
        moved = [
            (kind, [line(e.module, e.function, e.text, lineno=e.line + by) for e in lines]) for kind, lines in chain
        ]
        assert of_exception(parts_of(chain)) == of_exception(parts_of(moved, message))

    @given(chains, st.data())
    def test_more_frames_of_libraries_and_middleware_are_the_same_problem(self, chain, data):
        more = []
        for kind, lines in chain:
            wider = list(lines)
            for frame in data.draw(st.lists(library_frames, max_size=4)):
                wider.insert(data.draw(st.integers(0, len(wider))), frame)
            # A middleware calls on: it is never the innermost of the project's own frames.
            for frame in data.draw(st.lists(passing_frames, max_size=3)):
                last_own = max(at for at, each in enumerate(wider) if each.in_app)
                wider.insert(data.draw(st.integers(0, last_own)), frame)
            more.append((kind, wider))
        assert of_exception(parts_of(chain)) == of_exception(parts_of(more))

    @given(chains, own_frames)
    def test_another_way_through_the_project_is_another_problem(self, chain, frame):
        kind, lines = chain[0]
        known = {(each.module, each.function, each.text) for each in lines}
        assume((frame.module, frame.function, frame.text) not in known)
        assume("charge" not in frame.function)  # a nested function counts as the one around it
        longer = [(kind, [*lines, frame]), *chain[1:]]
        assert of_exception(parts_of(chain)).hash != of_exception(parts_of(longer)).hash

    @given(st.integers(0, 10**12), st.uuids(), st.ip_addresses(v=4), st.datetimes(datetime(2000, 1, 1)))
    def test_other_values_in_a_message_without_own_frames_are_the_same_problem(self, number, uuid, address, at):
        def message(*values: object) -> str:
            return "order {} of '{}' ({}) from {} at {} gone".format(*values)

        one = of_exception(
            [ExceptionPart("A", message(number, "a@example.org", uuid, address, f"{at:%Y-%m-%d}"), [LIBRARY])]
        )
        other = of_exception(
            [ExceptionPart("A", message(1, "b@example.org", UUID(int=7), "10.0.0.1", "2026-01-02"), [LIBRARY])]
        )
        assert one.hash == other.hash

    @given(chains)
    def test_components_tell_all_that_is_hashed(self, chain):
        found = of_exception(parts_of(chain))
        assert found.hash == sha256("\n".join(found.components).encode()).hexdigest()

"""What makes two errors one problem, and what must not make them two."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artisan_monitoring.core.fingerprints import (
    ExceptionPart,
    culprit,
    depends_on_message,
    normalised,
    of_exception,
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

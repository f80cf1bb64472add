"""Secrets are found by name, by shape and by value, in a copy, without evaluating anything."""

from __future__ import annotations

import base64
import collections
import copy
import dataclasses
import enum
import json
import sys
from types import MappingProxyType

import pytest
from django.contrib.auth.models import User
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext_lazy
from hypothesis import given, settings
from hypothesis import strategies as st

from artisan_monitoring.core.redaction import MASK, NODES, Redactor
from artisan_monitoring.core.secret_values import luhn

SECRET_KEYS = [
    "password",
    "passwd",
    "passwords",
    "user_password",
    "userPassword",
    "mypassword",
    "PGPASSWORD",
    "REDIS_PASSWORD2",
    "password1",
    "passwordHash",
    "api_token",
    "refreshToken",
    "accessToken",
    "id_token",
    "csrfmiddlewaretoken",
    "csrftoken",
    "X-CSRFToken",
    "client_secret",
    "clientSecret",
    "SECRET_KEY",
    "AWS_SECRET_ACCESS_KEY",
    "X-Amz-Security-Token",
    "api_key",
    "apiKey",
    "APIKey",
    "X-Api-Key",
    "x-api-key",
    "apikey",
    "private_key",
    "signing-key",
    "authorization",
    "Authorization",
    "HTTP_AUTHORIZATION",
    "Proxy-Authorization",
    "cookie",
    "set-cookie",
    "Set-Cookie",
    "HTTP_COOKIE",
    "cookies",
    "sessionid",
    "session_id",
    "sessionKey",
    "PHPSESSID",
    "card_number",
    "cardNumber",
    "credit_card",
    "cvv",
    "cvv2",
    "cvc",
    "otp",
    "totp",
    "otp_code",
    "pin",
    "card_pin",
    "ssn",
    "iban",
    "db_pass",
    "smtp-pass",
    "x-auth",
    "auth",
    "credentials",
    "jwt",
    "bearer",
    "passphrase",
    "recovery_codes",
    "connection_string",
    "X-Hub-Signature-256",
    "sig",
    "verification.code",
    "tokens",
    "hash_salt",
]
PLAIN_KEYS = [
    "author",
    "authority",
    "authors",
    "tokenizer",
    "tokenize",
    "pinned",
    "pinning",
    "spinning",
    "monkey",
    "keyboard",
    "key",
    "keys",
    "primary_key",
    "compass",
    "bypass",
    "passenger",
    "passed",
    "passing",
    "max_tokens",
    "maxTokens",
    "total_tokens",
    "token_count",
    "token_type",
    "password_length",
    "session_count",
    "cookie_name",
    "secretary",
    "cardinal",
    "cardboard",
    "card_type",
    "discard",
    "opinion",
    "signal",
    "design",
    "assignment",
    "sidebar",
    "status",
    "code",
    "user_id",
    "endpoint",
    "auth_user",
    "AUTH_USER_MODEL",
    "pass_through",
    "passwordless",
    "basic",
    "username",
    "description",
    "keynote",
    "donkey",
]


@pytest.mark.parametrize("key", SECRET_KEYS)
def test_secret_key_is_recognised(key):
    assert Redactor().is_secret_key(key)
    assert Redactor().value({key: "hunter2"}) == {key: MASK}


@pytest.mark.parametrize("key", PLAIN_KEYS)
def test_look_alike_key_is_left_alone(key):
    assert not Redactor().is_secret_key(key)
    assert Redactor().value({key: "plain"}) == {key: "plain"}


def test_allowed_name_wins_and_extra_name_counts_in_any_spelling():
    redactor = Redactor(extra_keys=["artisan-code", "shoe_size"], allow=["csrf_token", "artisanCodeName"])
    assert redactor.is_secret_key("artisanCode")
    assert redactor.is_secret_key("X_ARTISAN_CODE_2")
    assert redactor.is_secret_key("shoeSize")
    assert not redactor.is_secret_key("csrfToken")
    assert not redactor.is_secret_key("ARTISAN_CODE_NAME")


def test_keys_remembered_are_bounded():
    redactor = Redactor()
    for number in range(10_000):
        redactor.is_secret_key(f"field_{number}")
        redactor.text(f"text {number}")
    assert len(redactor._known) <= 4_096
    assert len(redactor._clean) <= 1_024
    redactor.is_secret_key("x" * 100_000 + "_password")
    assert all(len(key) <= 200 for key in redactor._known)


def test_very_long_name_is_judged_by_both_ends():
    assert Redactor().is_secret_key("x" * 100_000 + "_password")
    assert Redactor().is_secret_key("password_" + "x" * 100_000)


def test_numbers_flags_and_nothing_under_a_secret_name():
    redactor = Redactor()
    assert redactor.value({"otp": 123456, "cvv": 12, "password": None, "has_password": True, "pin": 1.5}) == {
        "otp": MASK, "cvv": MASK, "password": None, "has_password": True, "pin": MASK,
    }  # fmt: skip
    assert redactor.value({"tokens": 512, "pass": 3}) == {"tokens": 512, "pass": 3}
    assert redactor.value({"tokens": "512"}) == {"tokens": MASK}


TEXTS = [
    ("login password=hunter2 ok", "login password=[redacted] ok"),
    ("GET /x?token=abc&sig=zz&page=2&code=99 H", "GET /x?token=[redacted]&sig=[redacted]&page=2&code=[redacted] H"),
    ("user=bob&password=p%20w&next=/", "user=bob&password=[redacted]&next=/"),
    ("next=https%3A%2F%2Fx%3Ftoken%3Dabc%26a%3Db", "next=https%3A%2F%2Fx%3Ftoken%3D[redacted]%26a%3Db"),
    ("{'password': 'hun\\'ter2', 'b': 1}", "{'password': '[redacted]', 'b': 1}"),
    ('{"token": "abc", "pin":1234,"a":"b"}', '{"token": "[redacted]", "pin":[redacted],"a":"b"}'),
    (r'{\"password\": \"abc\", \"x\": 1}', r'{\"password\": \"[redacted]\", \"x\": 1}'),
    ("Login(password='x y', name='bob')", "Login(password='[redacted]', name='bob')"),
    ("[(b'authorization', b'abcdef'), (b'host', b'h')]", "[(b'authorization', b'[redacted]'), (b'host', b'h')]"),
    ("tokens=['a', 'b'] rest", "tokens=[redacted] rest"),
    ("credentials: {'user': 'u', 'x': ('p',)} rest", "credentials: [redacted] rest"),
    ("Authorization: Digest username=u, response=abc\nHost: h", "Authorization: [redacted]\nHost: h"),
    ("Cookie: a=b; c=d\r\nHost: h", "Cookie: [redacted]\r\nHost: h"),
    ("db postgres://u:p@h:5432/db", "db postgres://[redacted]@h:5432/db"),
    ("redis://:p@h/0", "redis://[redacted]@h/0"),
    ("amqp://user:p/w#d?x@h/db", "amqp://[redacted]@h/db"),
    ("https://token@github.com/x", "https://[redacted]@github.com/x"),
    ("header Bearer abc.def-ghi=", "header Bearer [redacted]"),
    ("bearer abcdefghij", "bearer [redacted]"),
    ("Basic dXNlcjpwYXNz", "Basic [redacted]"),
    ("Token 9944b09199c62bcf9418ad846dd0e4bb", "Token [redacted]"),
    ("x eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln-_ y", "x [redacted] y"),
    ("key AKIAIOSFODNN7EXAMPLE used", "key [redacted] used"),
    ("a -----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY----- b", "a [redacted] b"),
    ("cut -----BEGIN PRIVATE KEY-----\nMIIE", "cut [redacted]"),
    ("paid 4111 1111 1111 1111 now", "paid [redacted] now"),
    ("paid 4111-1111-1111-1111", "paid [redacted]"),
    ("amex 378282246310005.", "amex [redacted]."),
    ("git push ghp_abcdefghijklmnopqrstuvwxyz0123456789", "git push [redacted]"),
    ("stripe sk_live_abcdefghijk", "stripe [redacted]"),
    ("tool --password hunter2 --verbose", "tool --password [redacted] --verbose"),
    ("<login><password>x y</password></login>", "<login><password>[redacted]</password></login>"),
    ("user: password=abc", "user: password=[redacted]"),
    ("Key (email, pin)=(a@b.example, x) already exists.", "Key (email, pin)=[redacted] already exists."),
    ("DETAIL:  Key (sku)=(what was cut", "DETAIL:  Key (sku)=[redacted]"),
    ("Failing row contains (1, bob, null).\nHINT", "Failing row contains [redacted]\nHINT"),
    ("Duplicate entry 'x y' for key 'sku'", "Duplicate entry [redacted] for key 'sku'"),
]  # fmt: skip
CLEAN = [
    "User action",
    "/api/products/123/",
    "the author's tokenizer pinned 3 of max_tokens=512",
    "2026-11-23T08:00:01.123456+00:00",
    "order 1764000000000000 done",  # microseconds since 1970
    "trace 4bf92f3577b34da6a3ce929d0e0e4736",
    "card 4111 1111 1111 1112",  # fails the check digit
    "http://host:8000/path?email=a@b.example",
    "Basic information about Bearer authentication",
    "password=None token='' secret=",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36",
    "risk-assessment-of-the-long-term",
    "",
]


@pytest.mark.parametrize(("dirty", "clean"), TEXTS)
def test_secret_in_text_is_masked_once(dirty, clean):
    redactor = Redactor()
    assert redactor.text(dirty) == clean
    assert redactor.text(clean) == clean


@pytest.mark.parametrize("text", CLEAN)
def test_text_without_secret_is_the_same_object(text):
    redactor = Redactor()
    assert redactor.text(text) is text
    assert redactor.text(text) is text  # remembered


def test_secret_is_removed_by_value_in_every_spelling():
    secret = 'p/w "quoted" & more'
    redactor = Redactor(secrets=[secret, "short", "another-one"])
    spellings = [
        f"raw {secret}!",
        f"url p%2Fw%20%22quoted%22%20%26%20more",  # noqa: F541
        "form p%2Fw+%22quoted%22+%26+more",
        json.dumps({"x": secret}),
        repr([secret]),
        base64.b64encode(secret.encode()).decode(),
    ]
    for spelling in spellings:
        assert "quoted" not in redactor.text(spelling)
        assert MASK in redactor.text(spelling)
    assert redactor.text("short") == "short"
    assert redactor.text("an another-one") == f"an {MASK}"


def test_with_secrets_adds_values_and_keeps_names():
    redactor = Redactor(extra_keys=["shoe"], secrets=["first-secret"])
    more = redactor.with_secrets(["second-secret"])
    assert more.text("first-secret second-secret") == f"{MASK} {MASK}"
    assert more.is_secret_key("shoe")
    assert redactor.text("second-secret") == "second-secret"


def test_clip_leaves_no_part_of_a_secret_at_the_cut():
    redactor = Redactor(secrets=["SECRET" * 10])
    text = "a" * 990 + "SECRET" * 10 + "b" * 10_000
    for limit in range(985, 1_060):
        assert "SECR" not in redactor.clip(text, limit)
        assert len(redactor.clip(text, limit)) <= limit
    many = ("x " + "SECRET" * 10 + " ") * 1_000  # masks are shorter: what stood far behind moves forward
    for limit in (100, 1_000, 5_000, 9_000):
        assert "SECR" not in redactor.clip(many, limit)


def test_copy_is_deep_and_the_original_untouched():
    original = {"a": [{"password": "x", "b": {"token": ["y"]}}], "c": ("d", {"secret": 1})}
    before = copy.deepcopy(original)
    copied = Redactor().value(original)
    assert original == before
    assert copied == {"a": [{"password": MASK, "b": {"token": MASK}}], "c": ["d", {"secret": MASK}]}
    assert copied["a"] is not original["a"]


def test_header_lists_and_told_names():
    redactor = Redactor()
    headers = [[b"authorization", b"abc"], ("Cookie", "a=b"), ("Host", "h"), ["x", "y", "z"]]
    assert redactor.value(headers) == [["authorization", MASK], ["Cookie", MASK], ["Host", "h"], ["x", "y", "z"]]
    assert redactor.value([{"name": "X-Api-Key", "value": "abc"}, {"name": "Host", "value": "h"}]) == [
        {"name": "X-Api-Key", "value": MASK},
        {"name": "Host", "value": "h"},
    ]


def test_cycles_depth_and_breadth_are_marked():
    cyclic: dict[str, object] = {"a": 1}
    cyclic["self"] = [cyclic]
    assert Redactor().value(cyclic) == {"a": 1, "self": ["<cycle>"]}
    assert Redactor().value([[[1]]], depth=2) == [["<list left out>"]]
    assert Redactor().value(list(range(5)), breadth=3) == [0, 1, 2, "<2 more>"]
    assert Redactor().value({"a": 1, "b": 2, "c": 3}, breadth=2) == {"a": 1, "b": 2, "...": "<1 more>"}
    shared = [1]
    assert Redactor().value([shared, shared]) == [[1], [1]]
    assert Redactor().copy([[[1]]], depth=2)[1] is True
    assert Redactor().copy([[[1]]])[1] is False


def test_wide_and_deep_value_costs_a_bounded_number_of_visits():
    value: object = "leaf"
    for _ in range(6):
        value = [value] * 100
    assert len(json.dumps(Redactor().value(value))) < NODES * 150


@dataclasses.dataclass
class Login:
    name: str
    password: str


@dataclasses.dataclass(slots=True)
class SlottedLogin:
    name: str
    password: str


Pair = collections.namedtuple("Pair", "user token")


class Level(enum.IntEnum):
    HIGH = 3


def test_objects_with_fields_are_copied_by_field():
    redactor = Redactor()
    assert redactor.value(Login("bob", "x")) == {"name": "bob", "password": MASK}
    assert redactor.value(SlottedLogin("bob", "x")) == {"name": "bob", "password": MASK}
    assert redactor.value(Pair("bob", "x")) == {"user": "bob", "token": MASK}
    assert redactor.value(MappingProxyType({"token": "x"})) == {"token": MASK}
    assert redactor.value({"token": "x"}.items()) == [["token", MASK]]
    assert redactor.value(Level.HIGH) == 3


def test_only_plain_json_comes_out():
    values = [
        float("nan"),
        float("inf"),
        10**30,
        10**9_999,
        2**63 - 1,
        -(2**63),
        b"\xff\x00x",
        {1: 2, "1": 3, (1, 2): 4},
    ]
    copied = Redactor().value(values)
    assert copied == [
        None, None, "1" + "0" * 30, "<int of 33216 bits>", 2**63 - 1, -(2**63), "\\xff\x00x",
        {"1": 2, "1_": 3, "[1, 2]": 4},
    ]  # fmt: skip
    assert Redactor().value(4111111111111111) == MASK


class Hostile:
    def __init__(self, error: type[BaseException]) -> None:
        self.error = error

    def __repr__(self) -> str:
        raise self.error("no")


class Endless:
    def __repr__(self) -> str:
        return repr(self)


class LyingRepr:
    def __repr__(self) -> str:
        return 3  # type: ignore[return-value]


class HostileDict(dict):
    def items(self):
        raise RuntimeError

    __iter__ = __len__ = __repr__ = items


@pytest.mark.parametrize("broken", [Hostile(ValueError), Hostile(RecursionError), Endless(), LyingRepr()])
def test_broken_repr_is_survived(broken):
    assert Redactor().value({"a": broken, "b": 1}) == {"a": f"<broken repr of {type(broken).__name__}>", "b": 1}


def test_replaced_methods_of_containers_are_not_called():
    assert Redactor().value(HostileDict(a=1, password="x")) == {"a": 1, "password": MASK}


def test_class_with_hostile_metaclass_is_survived():
    class Meta(type):
        @property
        def __name__(cls) -> str:
            raise RuntimeError

    class Odd(metaclass=Meta):
        __slots__ = ()

        def __repr__(self) -> str:
            raise RuntimeError

    assert Redactor().value(Odd()) == "<broken repr of Odd>"


def test_lazy_objects_are_not_evaluated():
    evaluated: list[int] = []
    lazy = SimpleLazyObject(lambda: evaluated.append(1))
    assert Redactor().value({"user": lazy}) == {"user": "<lazy>"}
    assert evaluated == []
    ready = SimpleLazyObject(lambda: {"password": "x"})
    len(ready)
    assert Redactor().value(ready) == {"password": MASK}
    assert Redactor().value(gettext_lazy("Yes")) == "Yes"


class Nosy:
    """An object whose repr runs SQL."""

    def __repr__(self) -> str:
        return f"<Nosy {User.objects.create(username='made by a repr')}>"


@pytest.mark.django_db
def test_no_query_is_run(django_assert_num_queries):
    user = User.objects.create(username="bob")
    with django_assert_num_queries(0):
        shown = Redactor().value({"users": User.objects.all(), "manager": User.objects, "user": user})
    shown["nosy"] = Redactor().value(Nosy())  # Django's own capture would note the refused statement too
    assert shown == {
        "users": "<QuerySet from User>",
        "manager": "<UserManager from User>",
        "user": f"<auth.User pk={user.pk}>",
        "nosy": "<broken repr of Nosy>",
    }
    assert User.objects.count() == 1  # the connection still works


def test_django_is_not_imported_for_it():
    # core/ is standard library only; what it knows of Django it knows by name.
    for name in ("redaction", "plain", "secret_names", "secret_values"):
        module = sys.modules[f"artisan_monitoring.core.{name}"]
        assert not [each for each in vars(module).values() if getattr(each, "__module__", "").startswith("django")]


def test_luhn():
    assert luhn("4111111111111111")
    assert not luhn("4111111111111112")


@settings(max_examples=200, deadline=None)
@given(st.text())
def test_text_never_raises_and_is_stable(text):
    redactor = Redactor(secrets=["hunter2000"])
    once = redactor.text(text)
    assert redactor.text(once) == once


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.text() | st.integers() | st.binary(), inner) | st.tuples(inner, inner)
    ),
    max_leaves=20,
)


@settings(max_examples=200, deadline=None)
@given(json_like)
def test_value_is_always_strict_json(value):
    text = json.dumps(Redactor().value(value), allow_nan=False)
    json.loads(text)


@pytest.mark.parametrize(
    "text",
    [
        "a" * 200_000,
        "=" * 50_000,
        "://" * 30_000 + "a:b",
        "eyJ" * 50_000,
        "a." * 50_000,
        "token='" * 10_000,
        "token=(" * 8_000,
        "4111 " * 30_000,
        "-----BEGIN A-----" * 3_000,
        "--a " * 30_000,
        "<a>" * 30_000,
        "\\" * 50_000,
        "://a:b" * 15_000 + "@",
        "Bearer " * 20_000,
        "%3F" * 30_000 + "%3D",
        "'a'," * 30_000,
        'token=\\"' * 9_000,
    ],
)
def test_no_text_makes_the_patterns_explode(text):
    # Not a benchmark: quadratic behaviour on these takes minutes, linear well under a second.
    import time

    started = time.process_time()
    Redactor()._text(text)
    assert time.process_time() - started < 5

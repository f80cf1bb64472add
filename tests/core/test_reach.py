"""The running request's secrets are known by value, as far as it has read itself, and gone with it."""

from __future__ import annotations

import base64
from weakref import ref

import pytest
from django.contrib.sessions.backends.signed_cookies import SessionStore
from django.utils.datastructures import MultiValueDict

from artisan_monitoring.core import context, reach
from artisan_monitoring.core.context import Observation
from artisan_monitoring.core.redaction import Redactor


@pytest.fixture(autouse=True)
def _clear():
    context.clear()
    yield
    context.clear()


def running(request) -> Observation:
    observation = Observation()
    observation.request = ref(request)
    context.observation.set(observation)
    return observation


BASIC = base64.b64encode(b"ann:basic-password-1").decode()


@pytest.mark.parametrize(
    ("meta", "secrets"),
    [
        ({"HTTP_AUTHORIZATION": "Bearer opaque.bearer-2"}, {"opaque.bearer-2"}),
        ({"HTTP_AUTHORIZATION": f"Basic {BASIC}"}, {BASIC, "basic-password-1"}),
        ({"HTTP_X_API_KEY": "key-of-the-api-3"}, {"key-of-the-api-3"}),
        ({"HTTP_COOKIE": "sessionid=sessionkey-4; theme=darkdarkdarkdarkdark"}, {"sessionkey-4"}),
        ({"HTTP_COOKIE": 'cart="0f8fad5bd9cb469fa165"; csrftoken=csrf%2Dtoken5'},
         {"0f8fad5bd9cb469fa165", "csrf%2Dtoken5", "csrf-token5"}),
        ({"CSRF_COOKIE": "csrf-cookie-6"}, {"csrf-cookie-6"}),
        ({"QUERY_STRING": "token=query%20token-7&page=1234567890123"}, {"query token-7"}),
        ({"HTTP_USER_AGENT": "Mozilla/5.0 1234567890", "HTTP_COOKIE": "sessionid=short; token=password"}, set()),
    ],
)  # fmt: skip
def test_headers_cookies_and_query(rf, meta, secrets):
    request = rf.get("/")
    request.META.pop("HTTP_COOKIE", None)
    request.META.update(meta)
    assert set(reach.secrets_of(request)) == secrets


@pytest.mark.parametrize(
    ("sensitive", "secrets"),
    [
        (None, {"form-password-1"}),
        (("shoe",), {"form-password-1", "DE02 1203"}),
        ("__ALL__", {"form-password-1", "opaque1234567890"}),
    ],
)
def test_a_form_that_was_parsed(rf, sensitive, secrets):
    request = rf.get("/")
    request.META.pop("HTTP_COOKIE", None)
    request._post = MultiValueDict(
        {
            "password": ["form-password-1"],
            "shoe": ["DE02 1203"],
            "note": ["a longer note"],
            "code": ["opaque1234567890"],
        }
    )
    if sensitive is not None:
        request.sensitive_post_parameters = sensitive
    assert set(reach.secrets_of(request)) == secrets


def test_what_the_request_learns_later_is_in_reach_then(rf):
    request = rf.get("/")
    running(request)
    redactor = Redactor()
    assert redactor.text("x session-key-of-9 y") == "x session-key-of-9 y"
    request.session = SessionStore("session-key-of-9")
    assert redactor.text("x session-key-of-9 y") == "x [redacted] y"


def test_what_was_harmless_in_one_request_is_a_secret_in_the_next(rf):
    redactor = Redactor()
    text = "job 0f8fad5bd9cb469fa165 done"
    running(rf.get("/"))
    assert redactor.text(text) == text
    request = rf.get("/", HTTP_X_API_KEY="0f8fad5bd9cb469fa165")
    running(request)
    assert redactor.text(text) == "job [redacted] done"
    context.clear()
    assert redactor.text(text) == text


def test_secrets_outlive_the_request_object_in_its_stream(rf):
    request = rf.get("/", HTTP_X_API_KEY="0f8fad5bd9cb469fa165")
    running(request)
    assert reach.in_reach().values == ("0f8fad5bd9cb469fa165",)
    del request
    assert reach.in_reach().values == ("0f8fad5bd9cb469fa165",)


def test_a_request_that_nobody_observes(rf):
    request = rf.get("/", HTTP_X_API_KEY="0f8fad5bd9cb469fa165")
    with reach.in_reach_of(request):
        assert reach.in_reach().values == ("0f8fad5bd9cb469fa165",)
    assert reach.in_reach().values == ()


@pytest.mark.parametrize("request_", [None, object(), 7])
def test_anything_else_has_none(request_):
    with reach.in_reach_of(request_):
        assert reach.in_reach().values == ()


@pytest.mark.parametrize("value", ["short", "password", "CHANGEME", "aaaaaaaaaaaa", "12345678", "x" * 5_000])
def test_short_and_common_values_would_eat_text(value):
    assert not reach.is_telling(value)


def test_other_spellings_are_known_too(rf):
    request = rf.get("/", HTTP_X_API_KEY="0f8fad5bd9cb469fa165/x")
    running(request)
    encoded = base64.b64encode(b"user:0f8fad5bd9cb469fa165/x:more").decode()
    redacted = Redactor().text(f"{encoded} and 0f8fad5bd9cb469fa165%2Fx")
    assert redacted.count("[redacted]") == 2
    assert "0f8fad5bd9cb469fa165" not in redacted


def test_however_much_a_stranger_sends_little_is_looked_at(rf):
    many = ";".join(f"token{n}=opaque-value-{n:06}" for n in range(3_000))
    query = "&".join(f"token{n}=opaque-value-{n:06}" for n in range(3_000))
    request = rf.get("/", HTTP_COOKIE=many, QUERY_STRING=query)
    request.META.update({f"HTTP_X_TOKEN_{n}": f"opaque-value-{n:06}" for n in range(3_000)})
    request._post = MultiValueDict({f"token{n}": [f"opaque-value-{n:06}"] for n in range(3_000)})
    assert len(reach.secrets_of(request)) == reach.MOST

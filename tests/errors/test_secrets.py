"""Secrets in reach do not come out of an error, whatever they are called and however they are spelled."""

from __future__ import annotations

import base64
import json

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import path
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables

from artisan_monitoring import error_tracker
from artisan_monitoring.testing import override_monitoring

from .test_capture import raised

pytestmark = pytest.mark.django_db(databases=["default", "monitoring"])

SESSION, TOKEN, PASSWORD, PIN = "s3ss10nkeys3ss10nkey", "0paque-t0ken-42", "correct horse battery", "marked-by-view"


class Holder:
    def __init__(self, held: str) -> None:
        self.held = held

    def __repr__(self) -> str:
        return f"<{self.held}>"


def careless(request: HttpRequest) -> HttpResponse:
    it = request.COOKIES["sessionid"]
    note = {"deeper": [it, Holder(it)], "typed": request.POST["password"]}
    header = request.headers["Authorization"].split()[1].encode()
    encoded = base64.b64encode(f"user:{it}".encode()).decode()
    raise ValueError(f"{it} {encoded} {header!r} {note} {request.POST['password']}")


@sensitive_post_parameters("shoe")
def marked(request: HttpRequest) -> HttpResponse:
    copied = request.POST["shoe"]
    raise ValueError(f"no {copied}")


@sensitive_variables("hidden")
def hiding(request: HttpRequest) -> HttpResponse:
    hidden = "visible-nowhere"
    raise ValueError(f"{len(hidden)} characters")


urlpatterns = [path("careless/<path:rest>", lambda request, rest: careless(request)), path("marked/", marked)]
urlpatterns += [path("hiding/", hiding)]


@pytest.fixture(autouse=True)
def _site():
    with override_settings(ROOT_URLCONF=__name__):
        yield


def post(url: str, **data: str) -> None:
    client = Client(raise_request_exception=False, headers={"Authorization": f"Bearer {TOKEN}"})
    client.cookies["sessionid"] = SESSION
    client.post(url, data)


@pytest.mark.parametrize("observed", [True, False])
def test_those_of_the_request_stand_nowhere_in_its_error(captured, observed, settings):
    if not observed:  # a project without our middleware
        settings.MIDDLEWARE = [each for each in settings.MIDDLEWARE if not each.startswith("artisan_monitoring.")]
    post(f"/careless/{SESSION}?next={SESSION}", password=PASSWORD)
    kept = json.dumps(captured[0].record)
    assert "ValueError" in kept
    for secret in (SESSION, TOKEN, PASSWORD, base64.b64encode(f"user:{SESSION}".encode()).decode()):
        assert secret not in kept


def test_what_a_visitor_sends_does_not_change_what_is_one_group(captured):
    post("/marked/", shoe="one", password="raise ValueError")  # what stands in the source
    post("/marked/", shoe="one", password="another-password")
    assert captured[0].fingerprint == captured[1].fingerprint
    assert "raise ValueError" in str(captured[0].record["components"])


def test_what_a_view_marks_is_taken_out_by_value(captured):
    post("/marked/", shoe=PIN)
    assert captured[0].message == "no [redacted]"
    assert PIN not in json.dumps(captured[0].record)


def test_marked_variables_are_masked(captured):
    post("/hiding/")
    frame = captured[0].record["samples"][0]["details"]["exception"][0]["frames"][-1]
    assert frame["locals"]["hidden"] == "[redacted]"


def test_those_of_a_request_that_is_named_are_in_reach(captured, rf):
    request = rf.get("/", HTTP_X_API_KEY=TOKEN)
    error_tracker.track_error(raised(ValueError(f"no {TOKEN}")), request=request)
    error_tracker.track_error(raised(KeyError(f"no {TOKEN}")))
    assert captured[0].message == "no [redacted]"
    assert TOKEN in captured[1].message


def test_those_of_the_project_stand_nowhere(captured, monkeypatch):
    monkeypatch.setenv("PARTNER_TOKEN", "token-of-a-partner")
    with override_settings(STRIPE_KEY="key-of-stripe-1"), override_monitoring():
        it = "key-of-stripe-1 and token-of-a-partner"
        error_tracker.track_error(raised(ValueError(it)), context={"note": it})
    assert "of-stripe" not in json.dumps(captured[0].record)
    assert "of-a-partner" not in json.dumps(captured[0].record)


def test_the_person_is_masked_and_the_group_is_the_same(captured):
    for address in ("ann@example.org", "bob@example.com"):
        error_tracker.track_error(ValueError(f"no mail to {address} from 8.8.4.77"))
    with override_monitoring(PRIVACY={"EMAIL": "full", "IP": "full"}):
        error_tracker.track_error(ValueError("no mail to cid@example.net from 8.8.4.77"))
    assert [error.message for error in captured] == [
        "no mail to a...@example.org from 8.8.4.0",
        "no mail to b...@example.com from 8.8.4.0",
        "no mail to cid@example.net from 8.8.4.77",
    ]

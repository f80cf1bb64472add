"""Exceptions that Django answers itself are recorded for the statuses that a project names, and for no other."""

from __future__ import annotations

import pytest
from asgiref.sync import async_to_sync
from django.core.exceptions import BadRequest, PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.test import AsyncClient, Client, override_settings
from django.urls import path

from artisan_monitoring.testing import override_monitoring

pytestmark = pytest.mark.django_db(databases=["default", "monitoring"])


def missing(request: HttpRequest) -> HttpResponse:
    raise Http404("no such artisan")


def refused(request: HttpRequest) -> HttpResponse:
    raise PermissionDenied("not your order")


async def bad(request: HttpRequest) -> HttpResponse:
    raise BadRequest("no JSON")


def failing(request: HttpRequest) -> HttpResponse:
    raise ValueError("a failure")


urlpatterns = [path("missing/", missing), path("refused/", refused), path("bad/", bad), path("failing/", failing)]


@pytest.fixture(autouse=True)
def here():
    with override_settings(ROOT_URLCONF=__name__):
        yield


def test_named_statuses_alone(captured):
    client = Client(raise_request_exception=False)
    with override_monitoring(ERRORS={"ANSWERED": [403, 404]}):
        assert client.get("/missing/").status_code == 404
        assert client.get("/refused/").status_code == 403
        assert client.get("/bad/").status_code == 400
    assert [(error.type, error.severity) for error in captured] == [
        ("django.http.response.Http404", "LOW"),
        ("django.core.exceptions.PermissionDenied", "LOW"),
    ]
    assert captured[0].record["mechanism"] == "answered"
    assert captured[0].record["handled"] is True
    assert captured[0].record["samples"][0]["details"]["context"] == {"status": "404"}


def test_what_the_resolver_and_the_async_handler_raise(captured):
    with override_monitoring(ERRORS={"ANSWERED": [400, 404]}):
        Client().get("/nothing-here/")
        async_to_sync(AsyncClient().get)("/bad/")
    assert [error.type.rpartition(".")[2] for error in captured] == ["Resolver404", "BadRequest"]


def test_failure_stays_one_error_of_the_request(captured):
    with override_monitoring(ERRORS={"ANSWERED": [404, 500]}):
        Client(raise_request_exception=False).get("/failing/")
    assert [error.record["mechanism"] for error in captured] == ["request"]


def test_none_without_the_setting_though_it_was_there_before(captured):
    with override_monitoring(ERRORS={"ANSWERED": [404]}):
        pass
    Client().get("/missing/")
    assert captured == []

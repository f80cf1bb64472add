"""A small site with the three middleware, and what its requests left behind."""

from __future__ import annotations

import pytest
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import HttpResponse
from django.urls import path

from artisan_monitoring.models import SecurityEvent
from artisan_monitoring.pipeline.buffer import buffer
from artisan_monitoring.security import logins, requests
from artisan_monitoring.testing import flush_monitoring


def plain(request):
    return HttpResponse("ok")


def reads_form(request):
    return HttpResponse(request.POST.get("comment", "-"))


def reads_body(request):
    return HttpResponse(request.read())


def denied(request):
    raise PermissionDenied


def suspicious(request):
    raise SuspiciousOperation("no")


def who(request):
    return HttpResponse(str(request.user.pk))


def host(request):
    return HttpResponse(request.get_host())


async def asynchronous(request):
    return HttpResponse("ok")


def nothing_there(request):
    return HttpResponse("custom", status=404)


urlpatterns = [
    path(f"{view.__name__}/", view)
    for view in (plain, reads_form, reads_body, denied, suspicious, who, host, asynchronous, nothing_there)
]
urlpatterns.append(path(".env", plain))


@pytest.fixture(autouse=True)
def fresh(settings):
    ours = "artisan_monitoring.middleware."
    settings.MIDDLEWARE = [
        f"{ours}MonitoringMiddleware",
        f"{ours}DatabaseMonitoringMiddleware",
        f"{ours}SecurityMonitoringMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ]
    buffer.swap()
    requests.forget_all()
    logins.forget_all()
    yield
    buffer.swap()


def events():
    flush_monitoring()
    return list(SecurityEvent.objects.order_by("pk"))

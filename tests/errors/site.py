"""A site that fails in every way the tests need: its URLs, views and middleware."""

from __future__ import annotations

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import include, path
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables


def fail(request: HttpRequest) -> HttpResponse:
    order = {"number": 17, "card_token": "tok_local_secret"}
    raise ValueError(f"no such order {order['number']}")


async def fail_async(request: HttpRequest) -> HttpResponse:
    raise ValueError("no such order, async")


def fail_with_number(request: HttpRequest, number: int) -> HttpResponse:
    return _look_up(number)


def _look_up(number: int) -> HttpResponse:
    raise LookupError(f"order {number} is gone")


def missing(request: HttpRequest) -> HttpResponse:
    raise Http404


def in_template(request: HttpRequest) -> HttpResponse:
    return render(request, "errors/page.html", {"broken": _explode})


def _explode() -> str:
    raise ZeroDivisionError("in the template")


def lazy(request: HttpRequest) -> HttpResponse:
    users = User.objects.all()  # noqa: F841
    first = User(pk=5)  # noqa: F841
    raise ValueError("with a query set at hand")


@sensitive_variables("card")
def sensitive(request: HttpRequest) -> HttpResponse:
    card, harmless = "visible-nowhere", "seen"  # noqa: F841
    return _deeper(card)


def _deeper(card: str) -> HttpResponse:
    raise ValueError("paid twice")


@sensitive_post_parameters("pin")
def post(request: HttpRequest) -> HttpResponse:
    assert request.POST["pin"]
    raise ValueError("form refused")


def unread(request: HttpRequest) -> HttpResponse:
    raise ValueError("nobody read the body")


def fine(request: HttpRequest) -> HttpResponse:
    return HttpResponse("fine")


class FailingMiddleware:
    """Fails before the view for paths under /mw/, in whichever mode Django calls."""

    sync_capable = async_capable = True

    def __init__(self, get_response):
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request):
        if iscoroutinefunction(self):
            return self.__acall__(request)
        self.check(request)
        return self.get_response(request)

    async def __acall__(self, request):
        self.check(request)
        return await self.get_response(request)

    def check(self, request):
        if request.path.startswith("/mw/"):
            raise PermissionError("middleware said no")


class PassingMiddleware:
    """Does nothing but call on: its frame must not change what an error is."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        return self.get_response(request)


urlpatterns = [
    path("fail/", fail),
    path("fail-async/", fail_async),
    path("orders/<int:number>/", fail_with_number),
    path("missing/", missing),
    path("template/", in_template),
    path("lazy/", lazy),
    path("sensitive/", sensitive),
    path("post/", post),
    path("unread/", unread),
    path("mw/", fine),
    path("", include("tests.urls")),
]

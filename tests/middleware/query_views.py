"""Views that query in every way a view can, each at `/<its name>/<n>/`."""

from __future__ import annotations

import time

from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.db import OperationalError, connection, connections, transaction
from django.http import HttpResponse, StreamingHttpResponse
from django.urls import path

from artisan_monitoring.stores.connection import own_connection

SLEEP = "SELECT sleep(%s), 'hunter2' AS secret"


def run(sql="SELECT 1", params=None):
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall() if cursor.description else []


def three(request):
    for _ in range(3):
        run()
    return HttpResponse("ok")


def none(request):
    return HttpResponse("ok")


def failing(request):
    run()
    try:
        with transaction.atomic():
            run("SELECT nothing FROM nowhere")
    except OperationalError:
        return HttpResponse("caught")


def many(request):
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE IF NOT EXISTS many (a integer)")
        cursor.executemany("INSERT INTO many VALUES (%s)", [[n] for n in range(50)])
    return HttpResponse("ok")


def late(request):
    fresh = connections.create_connection("default")
    try:
        with fresh.cursor() as cursor:
            cursor.execute("SELECT 1")
            cursor.execute("SELECT 2")
    finally:
        fresh.close()
    return HttpResponse("ok")


def own(request):
    with own_connection("monitoring") as ours, ours.cursor() as cursor:
        assert ours.artisan_own
        cursor.execute("SELECT 1")
    run()
    return HttpResponse("ok")


def slow(request):
    with connection.cursor() as cursor:
        cursor.db.connection.create_function("sleep", 1, time.sleep)
        cursor.execute(SLEEP, [0.03])
    return HttpResponse("ok")


def stream(request):
    run()

    def rows():
        for _ in range(4):
            run()
            yield b"row\n"

    return StreamingHttpResponse(rows())


async def asynchronous(request):
    await User.objects.acount()
    await User.objects.acount()
    return HttpResponse("ok")


async def async_stream(request):
    async def rows():
        for _ in range(3):
            await User.objects.acount()
            yield b"row\n"

    return StreamingHttpResponse(rows())


async def thread(request):
    def work():
        try:
            run()
            run()
        finally:
            connection.close()

    await sync_to_async(work, thread_sensitive=False)()
    return HttpResponse("ok")


urlpatterns = [
    path(f"{view.__name__}/<int:n>/", lambda request, n, view=view: view(request))
    for view in (three, none, failing, many, late, own, slow, stream)
]


async def _asynchronous(request, n):
    return await asynchronous(request)


async def _async_stream(request, n):
    return await async_stream(request)


async def _thread(request, n):
    return await thread(request)


urlpatterns += [
    path("asynchronous/<int:n>/", _asynchronous),
    path("async_stream/<int:n>/", _async_stream),
    path("thread/<int:n>/", _thread),
]

"""The run: requests out, everything that leaves gathered, each value looked for in all its spellings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from urllib.parse import quote

from django.apps import apps
from django.contrib.auth import get_user_model
from django.http.response import HttpResponseBase
from django.test import Client, RequestFactory
from django.urls import NoReverseMatch, resolve, reverse

from ..core.needles import spellings
from ..core.packing import unpack_batch
from ..models import ErrorEvent
from ..pipeline.flusher import flusher
from ..stores import get_store
from ..testing import flush_monitoring, override_monitoring
from . import site
from .listening import Lines, listening
from .planting import Planted, planted
from .scratch import ALIAS, scratch

AT_ONCE = 40
"""Errors of more different kinds a minute are counted together, without samples: after so many, the minute is reset."""

LONGEST_IN_URL = 1_000


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the table: where a secret stands, `ok`, `FAILED` or `warn`, and where it came out."""

    place: str
    verdict: str
    detail: str


def run(extra: Mapping[str, str] | None = None) -> list[Finding]:
    """Plant, drive, look; return what was found. `extra` are further values by place. Leaves nothing behind."""
    site.reached.clear()
    with planted(extra or {}) as plants, scratch(), listening() as lines:
        texts = list(_driven(plants))
        texts += list(_stored())
        texts += list(_shown())
        texts += lines
    requests = len(plants.values)
    findings = [_verdict(place, value, texts) for place, value in sorted(plants.values.items())]
    findings += [
        Finding(place, "warn", "too short or too common to be taken out by value: choose another")
        for place in plants.unfit
    ]
    came = len(site.reached)
    findings.append(
        Finding("requests", "ok", f"{came} through {len(texts)} texts")
        if came == requests
        else Finding("requests", "FAILED", f"{came} of {requests} reached the view: a middleware answers before it")
    )
    return findings


def _verdict(place: str, value: str, texts: Lines) -> Finding:
    spelled = {each for each in spellings(value) if len(each) >= 6}
    where = sorted({name for name, text in texts if any(each in text for each in spelled)})
    if where:
        return Finding(place, "FAILED", f"came out: {', '.join(where)}")
    return Finding(place, "ok", f"in none of {len(texts)} texts")


def _driven(plants: Planted) -> Iterator[tuple[str, str]]:
    """Make a request for each value, and yield the responses and the batches that would be sent."""
    client = Client(raise_request_exception=False, headers=dict(plants.headers))
    client.cookies.load(dict(plants.cookies))
    values = iter(plants.values.values())
    while chunk := list(islice(values, AT_ONCE)):
        with override_monitoring():  # renews what counts by the minute
            for value in chunk:
                yield "response", _text_of(_request(client, plants, value))
        yield from _batches()


def _request(client: Client, plants: Planted, value: str) -> HttpResponseBase:
    token = site.value.set(value)
    in_url = value if len(value) < LONGEST_IN_URL else ""
    query = {**plants.query, "note": in_url}
    headers = {"User-Agent": f"leaks {value}", "Referer": f"https://shop.example/{quote(in_url)}"}
    try:
        return client.post(
            f"/{site.PATH}/{quote(in_url, safe='')}x/",
            data={**plants.form, "note": value},
            query_params=query,
            headers=headers if value.isascii() and value.isprintable() else {},
            secure=True,
        )
    finally:
        site.value.reset(token)


def _text_of(response: HttpResponseBase) -> str:
    """Return head and body of a response; cookies that it sets are the visitor's own."""
    body = b"".join(response) if response.streaming else response.content  # type: ignore[attr-defined]
    head = "\n".join(f"{name}: {value}" for name, value in response.headers.items())
    return f"{head}\n\n{body.decode('utf-8', 'replace')}"


def _batches() -> Iterator[tuple[str, str]]:
    flusher.flush()
    store = get_store()
    for shard in store.reading_shards():
        for entry in store.entries(shard, 0, limit_bytes=2**30):
            yield "batch", repr(unpack_batch(entry.payload))
    flush_monitoring()


def _stored() -> Iterator[tuple[str, str]]:
    for model in apps.get_app_config("artisan_monitoring").get_models():
        if model._meta.managed:
            for row in model._base_manager.using(ALIAS).values_list():
                yield f"table {model._meta.model_name}", repr(row)


def _shown() -> Iterator[tuple[str, str]]:
    """Yield pages: of every group of errors in the admin and the endpoints, as whoever may see them sees them."""
    client = Client(raise_request_exception=False)
    for name in ("metrics", "detailed", "prometheus"):
        try:
            yield f"endpoint {name}", _text_of(client.get(reverse(f"artisan_monitoring:{name}"), secure=True))
        except NoReverseMatch:
            continue
    try:
        pages = [reverse("admin:artisan_monitoring_errorgroup_changelist")]
    except NoReverseMatch:
        return
    events = ErrorEvent.objects.using(ALIAS).values_list("group_id", "pk")
    pages += [
        f"{reverse('admin:artisan_monitoring_errorgroup_change', args=[group])}?event={pk}" for group, pk in events
    ]
    for page in pages:
        yield "admin page", _as_superuser(page)


def _as_superuser(url: str) -> str:
    request = RequestFactory().get(url, secure=True)
    request.user = get_user_model()(is_active=True, is_staff=True, is_superuser=True)
    match = resolve(request.path)
    response = match.func(request, *match.args, **match.kwargs)
    if hasattr(response, "render"):
        response.render()
    return _text_of(response)

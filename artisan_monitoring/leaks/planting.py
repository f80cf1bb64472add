"""What must not come out: the project's own secrets, and markers planted in settings, environment and requests."""

from __future__ import annotations

import base64
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.test import override_settings

from ..conf.secrets import inventory

PREFIX = "ARTISAN_LEAKS"


@dataclass(frozen=True, slots=True)
class Planted:
    """The values to look for by where they stand, and what every request carries to hold its own."""

    values: Mapping[str, str]
    headers: Mapping[str, str]
    cookies: Mapping[str, str]
    form: Mapping[str, str]
    query: Mapping[str, str]
    unfit: tuple[str, ...] = field(default=())
    """Where secrets stand that are too short or too common to be taken out by value."""


@contextmanager
def planted(extra: Mapping[str, str]) -> Iterator[Planted]:
    """Plant markers for the time of the block; `extra` are further values to look for, by their places."""
    found = {each.place: each.value for each in inventory()}
    unfit = tuple(sorted({each.place for each in inventory(fit=False)}))
    in_settings = {
        f"{PREFIX}_API_KEY": _marker(),
        f"{PREFIX}_DSN": f"https://{_marker()}@errors.example/1",
        f"{PREFIX}_SERVICES": {"default": {"URL": f"amqp://user:{_marker()}@queue.example/", "PASSWORD": _marker()}},
    }
    name, value = f"{PREFIX}_TOKEN", _marker()
    os.environ[name] = value
    try:
        with override_settings(**in_settings):
            ours = {each.place: each.value for each in inventory() if PREFIX in each.place}
            yield _with_request({**found, **ours, **extra}, unfit)
    finally:
        os.environ.pop(name, None)


def _with_request(values: dict[str, str], unfit: tuple[str, ...]) -> Planted:
    session, csrf, bearer, key, password, token, basic = (_marker() for _ in range(7))
    values.update({
        "request.cookies.session": session,
        "request.cookies.csrf": csrf,
        "request.Authorization (Bearer)": bearer,
        "request.Proxy-Authorization (Basic)": basic,
        "request.X-Api-Key": key,
        "request.POST.password": password,
        "request.GET.token": token,
    })  # fmt: skip
    return Planted(
        values=values,
        headers={
            "Authorization": f"Bearer {bearer}",
            "Proxy-Authorization": f"Basic {base64.b64encode(f'user:{basic}'.encode()).decode()}",
            "X-Api-Key": key,
        },
        cookies={settings.SESSION_COOKIE_NAME: session, settings.CSRF_COOKIE_NAME: csrf},
        form={"password": password},
        query={"token": token},
        unfit=unfit,
    )


def _marker() -> str:
    """Return a value that stands nowhere else; its shape alone gives nothing away."""
    return secrets.token_hex(16)


def value_of_setting(path: str) -> str:
    """Return the text under a dotted path of the settings; raise `LookupError` where there is none."""
    name, *rest = path.split(".")
    value: Any = getattr(settings, name, None)
    for key in rest:
        value = value.get(key) if isinstance(value, Mapping) else None
    if not isinstance(value, str) or not value:
        raise LookupError(f"settings.{path} is no text")
    return value

"""Sum up a request for an error's page from what it has already worked out: nothing is read, parsed, or loaded for it.

Everything is looked up in `request.__dict__`: asking the request itself may read the body, load the session (which
sets `Vary: Cookie`) or query the user.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from urllib.parse import parse_qsl

from django.http import HttpRequest

from ..core import context
from ..core.guard import report
from ..core.redaction import MASK, Redactor
from ..core.reprs import clean_text
from ..core.routes import route_template

HEADERS = (
    "CONTENT_TYPE",
    "CONTENT_LENGTH",
    "HTTP_ACCEPT",
    "HTTP_ACCEPT_LANGUAGE",
    "HTTP_HOST",
    "HTTP_HX_REQUEST",
    "HTTP_ORIGIN",
    "HTTP_REFERER",
    "HTTP_USER_AGENT",
    "HTTP_X_REQUESTED_WITH",
)
"""An allow-list: what is not known to be harmless is not kept."""

FIELDS = 50
TEXT_LENGTH = 500
JSON_LENGTH = 10_000


def summarise(request: HttpRequest, redactor: Redactor) -> dict[str, object]:
    """Return method, path, query, form or JSON body, files, headers and the client's kind of connection, redacted."""
    own = vars(request)
    meta: Mapping[str, object] = own.get("META") or {}
    summary: dict[str, object] = {
        "method": _text(own.get("method"), redactor),
        "path": _text(own.get("path"), redactor),
        "scheme": _text(own.get("_scheme") or meta.get("wsgi.url_scheme") or "", redactor),
        "query": _query(str(meta.get("QUERY_STRING") or ""), redactor),
        "headers": _headers(meta, redactor),
    }
    summary.update(_view(own))
    summary.update(_body(own, meta, redactor))
    return {key: value for key, value in summary.items() if value not in ("", [], {})}


def route_of(request: HttpRequest) -> str:
    """Return the pattern that matched, or nothing."""
    match = vars(request).get("resolver_match")
    route = getattr(match, "route", None)
    return "" if route is None else clean_text(route_template(str(route)), 200)


def current_request() -> HttpRequest | None:
    """Return the request that runs, if the middleware has seen one."""
    observation = context.observation.get()
    request = observation.request() if observation is not None and observation.request is not None else None
    return request if isinstance(request, HttpRequest) else None


def user_now(request: HttpRequest | None) -> str:
    """Return the primary key of whom the running code works for, as far as it is known already."""
    try:
        observation = context.observation.get()
        known = context.user_pk.get() or (observation.user_pk if observation is not None else None)
        if known:
            return clean_text(known, 64)
        return user_of(request) if request is not None else ""
    except Exception as exc:
        report("errors.user", exc)
        return ""


def user_of(request: HttpRequest) -> str:
    """Return the primary key of the user if the request has loaded one already; never load it."""
    user = vars(request).get("_cached_user") or vars(request).get("_acached_user")
    own = getattr(user, "__dict__", None) or {}
    meta = getattr(type(user), "_meta", None)
    key = own.get(meta.pk.attname) if meta is not None else None
    return "" if key is None else clean_text(str(key), 64)


def _view(own: Mapping[str, object]) -> dict[str, object]:
    match = own.get("resolver_match")
    if match is None:
        return {}
    name, view = getattr(match, "view_name", ""), getattr(match, "_func_path", "")
    return {"view": clean_text(str(view), 200), "view_name": clean_text(str(name), 200)}


def _query(query: str, redactor: Redactor) -> list[list[str]]:
    pairs = parse_qsl(query[:4_000], keep_blank_values=True)[:FIELDS]
    return [[_text(name, redactor), _value(name, value, redactor)] for name, value in pairs]


def _headers(meta: Mapping[str, object], redactor: Redactor) -> list[list[str]]:
    headers = []
    for key in HEADERS:
        value = meta.get(key)
        if isinstance(value, str) and value:
            # What another page's query held is not this page's to keep.
            value = value.partition("?")[0] if key == "HTTP_REFERER" else value
            headers.append([key.removeprefix("HTTP_").replace("_", "-").title(), _text(value, redactor)])
    return headers


def _body(own: Mapping[str, object], meta: Mapping[str, object], redactor: Redactor) -> dict[str, object]:
    """Return the form or JSON body as far as the view has parsed or read it."""
    body: dict[str, object] = {}
    hidden = own.get("sensitive_post_parameters") or ()
    form = own.get("_post")
    if form:
        body["form"] = _form(form, hidden, redactor)
    files = own.get("_files")
    if files:
        body["files"] = _files(files, redactor)
    raw = own.get("_body")
    if isinstance(raw, bytes) and raw and "json" in str(meta.get("CONTENT_TYPE") or ""):
        body["json"] = MASK if hidden else _json(raw, redactor)
    return body


def _files(files: object, redactor: Redactor) -> list[list[str]]:
    named = list(files.items())[:FIELDS]  # type: ignore[attr-defined]
    return [
        [_text(name, redactor), f"{_text(getattr(file, 'name', ''), redactor)}, {getattr(file, 'size', '?')} bytes"]
        for name, file in named
    ]


def _form(form: object, hidden: object, redactor: Redactor) -> list[list[str]]:
    pairs = [(name, value) for name, values in form.lists() for value in values]  # type: ignore[attr-defined]
    everything = hidden == "__ALL__"
    names = hidden if isinstance(hidden, tuple | list | set) else ()
    return [
        [_text(name, redactor), MASK if everything or name in names else _value(name, value, redactor)]
        for name, value in pairs[:FIELDS]
    ]


def _json(raw: bytes, redactor: Redactor) -> str:
    if len(raw) > JSON_LENGTH:
        return f"<{len(raw)} bytes>"
    try:
        shown = json.dumps(redactor.value(json.loads(raw)), ensure_ascii=False, indent=1)
    except (ValueError, RecursionError):
        return f"<{len(raw)} bytes, not valid JSON>"
    return clean_text(shown, JSON_LENGTH)


def _value(name: object, value: object, redactor: Redactor) -> str:
    return MASK if redactor.is_secret_key(str(name)) else _text(value, redactor)


def _text(value: object, redactor: Redactor) -> str:
    return clean_text(redactor.text(str(value if value is not None else "")[: TEXT_LENGTH * 2]), TEXT_LENGTH)

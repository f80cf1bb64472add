"""Who may read more than one word: a bearer token, a network, or a member of staff; and which client is asking."""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from hashlib import sha256

from django.conf import settings as django_settings
from django.http import HttpRequest, HttpResponse, JsonResponse

from ..conf import get_settings, on_settings_change
from ..core.clientip import Network, Networks, client_address, counting_key, parse_networks, resolved_client
from ..core.guard import guarded

# A header that says somebody else is behind the peer. One that stands here keeps a peer from being taken for itself.
_FORWARDING = (
    "HTTP_X_FORWARDED_FOR",
    "HTTP_FORWARDED",
    "HTTP_X_REAL_IP",
    "HTTP_X_FORWARDED",
    "HTTP_X_FORWARDED_HOST",
    "HTTP_X_FORWARDED_PROTO",
    "HTTP_X_CLIENT_IP",
    "HTTP_X_CLUSTER_CLIENT_IP",
    "HTTP_FORWARDED_FOR",
    "HTTP_TRUE_CLIENT_IP",
    "HTTP_CF_CONNECTING_IP",
    "HTTP_FASTLY_CLIENT_IP",
    "HTTP_VIA",
)
_MAX_AUTHORIZATION = 4096

_token_hashes: tuple[bytes, ...] = ()
_networks = Networks()
_proxies = Networks()
_forwarded_header = ""


def _lenient(texts: Iterable[str]) -> Networks:
    # What is no network is a system-check error; here it gives rights to nobody.
    found: list[Network] = []
    for text in texts:
        try:
            found.extend(parse_networks([text]))
        except ValueError:
            continue
    return Networks(found)


@on_settings_change
def _bind() -> None:
    global _token_hashes, _networks, _proxies, _forwarded_header
    chosen = get_settings()
    tokens = (token.encode("utf-8", "surrogatepass") for token in chosen.HEALTH.TOKENS if token)
    _token_hashes = tuple(sha256(token).digest() for token in tokens)
    _networks = _lenient(chosen.HEALTH.NETWORKS)
    _proxies = _lenient(chosen.TRUSTED_PROXIES)
    _forwarded_header = "HTTP_" + chosen.FORWARDED_HEADER.upper().replace("-", "_")


def client_of(request: HttpRequest) -> str:
    """Return the key under which this client's calls are counted."""
    peer = request.META.get("REMOTE_ADDR") or ""
    return counting_key(client_address(peer, request.META.get(_forwarded_header), _proxies))


def refusal(request: HttpRequest) -> HttpResponse | None:
    """Return None when the caller may read details, else the answer: 401 without credentials, 403 with wrong ones."""
    chosen = get_settings().HEALTH
    header = request.META.get("HTTP_AUTHORIZATION", "")
    # Another scheme is not meant for us: a proxy's own password, which the browser sends with every request.
    if header[:6].lower() == "bearer":
        return None if _bearer_is_known(header) else _refused(403, "This token gives no access.")
    if _from_known_network(request):
        return None
    if django_settings.DEBUG and not chosen.TOKENS and not chosen.NETWORKS:
        return None
    user = _session_user(request)
    if user is None:
        response = _refused(401, "Send a bearer token, or log in as a member of staff.")
        response["WWW-Authenticate"] = "Bearer"
        return response
    return None if user else _refused(403, "Only members of staff may read this.")


def _bearer_is_known(header: str) -> bool:
    scheme, _, token = header[: _MAX_AUTHORIZATION + 1].partition(" ")
    if len(header) > _MAX_AUTHORIZATION or scheme.lower() != "bearer":
        return False
    presented = sha256(_as_sent(token.strip(" "))).digest()
    known = False
    for digest in _token_hashes:  # all of them, always: the time must not say which one was near
        known |= hmac.compare_digest(presented, digest)
    return known


def _as_sent(token: str) -> bytes:
    try:
        return token.encode("latin-1")  # how WSGI and ASGI carry the bytes of a header
    except UnicodeEncodeError:
        return token.encode("utf-8", "surrogatepass")


def _from_known_network(request: HttpRequest) -> bool:
    if not _networks:
        return False
    meta = request.META
    peer = meta.get("REMOTE_ADDR") or ""
    if _forwarded_header not in meta and not any(name in meta for name in _FORWARDING):
        return _networks.holds(peer)
    if _forwarded_header not in meta:
        return False  # somebody is behind the peer, and the header we believe does not say who
    client = resolved_client(peer, meta[_forwarded_header], _proxies)
    return client is not None and _networks.holds(client)


def _session_user(request: HttpRequest) -> bool | None:
    """Tell whether the session's user is staff; None when nobody is logged in, or the session cannot be read."""
    with guarded("health.session"):  # the session's database may be what is broken
        user = getattr(request, "user", None)
        if user is not None and user.is_authenticated:
            return bool(user.is_active and user.is_staff)
    return None


def _refused(status: int, message: str) -> HttpResponse:
    response = JsonResponse({"error": message}, status=status)
    response["Cache-Control"] = "no-store"
    return response

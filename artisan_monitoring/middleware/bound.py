"""Copies of settings that every request reads, renewed when settings change."""

from __future__ import annotations

from ..conf import get_settings, on_settings_change
from ..conf.clients import masked
from ..core.clientip import Networks, client_address, parse_networks
from ..core.guard import guarded

forwarded_key = "HTTP_X_FORWARDED_FOR"
request_id_key = "HTTP_X_REQUEST_ID"
request_id_header = "X-Request-ID"
request_id_header_lower = "x-request-id"
trusted = Networks()
keeps_clients = True
access_log = True
excluded: tuple[str, ...] = ()
slow_s = 1.0

_MOST_CLIENTS = 2_000
direct_clients: dict[str, tuple[str, str]] = {}
"""By peer: the client, and as it may be kept, of requests without a forwarding header."""


def _meta_key(header: str) -> str:
    return "HTTP_" + header.upper().replace("-", "_")


def client_of(peer: str, forwarded: str | None) -> tuple[str, str]:
    """Return a client's address, and the address as it may be kept; who comes without a proxy is remembered."""
    client = client_address(peer, forwarded, trusted)
    known = client, masked(client)
    if keeps_clients and forwarded is None:
        if len(direct_clients) >= _MOST_CLIENTS:
            direct_clients.clear()
        direct_clients[peer] = known
    return known


@on_settings_change
def _bind() -> None:
    global forwarded_key, request_id_key, request_id_header, request_id_header_lower
    global trusted, keeps_clients, access_log, excluded, slow_s
    chosen = get_settings()
    forwarded_key = _meta_key(chosen.FORWARDED_HEADER)
    request_id_key = _meta_key(chosen.REQUEST_ID_HEADER)
    request_id_header = chosen.REQUEST_ID_HEADER
    request_id_header_lower = request_id_header.lower()
    trusted = Networks()
    with guarded("TRUSTED_PROXIES"):  # a wrong one trusts nobody; a system check tells
        trusted = parse_networks(chosen.TRUSTED_PROXIES)
    direct_clients.clear()
    keeps_clients = chosen.PRIVACY.IP != "hash"  # which is another one each day
    access_log = chosen.ACCESS_LOG.ENABLED
    excluded = chosen.ACCESS_LOG.EXCLUDE
    slow_s = chosen.ACCESS_LOG.SLOW_MS / 1000

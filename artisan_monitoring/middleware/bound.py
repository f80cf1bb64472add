"""Copies of settings that every request reads, renewed when settings change."""

from __future__ import annotations

import time
from functools import lru_cache

from django.conf import settings as django_settings

from ..conf import get_settings, on_settings_change
from ..core.clientip import Networks, daily_key, mask, parse_networks
from ..core.guard import guarded

forwarded_key = "HTTP_X_FORWARDED_FOR"
request_id_key = "HTTP_X_REQUEST_ID"
request_id_header = "X-Request-ID"
request_id_header_lower = "x-request-id"
trusted = Networks()
ip_mode = "truncate"
access_log = True
excluded: tuple[str, ...] = ()
slow_s = 1.0


def _meta_key(header: str) -> str:
    return "HTTP_" + header.upper().replace("-", "_")


def masked(address: str) -> str:
    """Return a client's address as `PRIVACY["IP"]` lets it be kept. 0.1 us for a known one."""
    return _masked_on(address, int(time.time()) // 86_400 if ip_mode == "hash" else 0)


@lru_cache(maxsize=4096)
def _masked_on(address: str, day: int) -> str:
    key = daily_key(django_settings.SECRET_KEY, str(day)) if ip_mode == "hash" else b""
    return mask(address, ip_mode, key)


@on_settings_change
def _bind() -> None:
    global forwarded_key, request_id_key, request_id_header, request_id_header_lower
    global trusted, ip_mode, access_log, excluded, slow_s
    chosen = get_settings()
    forwarded_key = _meta_key(chosen.FORWARDED_HEADER)
    request_id_key = _meta_key(chosen.REQUEST_ID_HEADER)
    request_id_header = chosen.REQUEST_ID_HEADER
    request_id_header_lower = request_id_header.lower()
    trusted = Networks()
    with guarded("TRUSTED_PROXIES"):  # a wrong one trusts nobody; a system check tells
        trusted = parse_networks(chosen.TRUSTED_PROXIES)
    ip_mode = chosen.PRIVACY.IP
    access_log = chosen.ACCESS_LOG.ENABLED
    excluded = chosen.ACCESS_LOG.EXCLUDE
    slow_s = chosen.ACCESS_LOG.SLOW_MS / 1000
    _masked_on.cache_clear()

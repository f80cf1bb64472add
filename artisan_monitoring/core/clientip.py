"""Who is calling: the client's address behind trusted proxies, and its masked forms.

Only the socket's peer is certain. A forwarding header (`X-Forwarded-For`, or RFC 7239 `Forwarded`) is a claim of
whoever wrote it, so it is read from the right, and only as long as the writer is a proxy we were told to trust.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Sequence
from functools import lru_cache
from hashlib import blake2b
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# A server on a UNIX socket reports an empty peer. "unix" in a list of networks stands for it, and is kept as this
# address of the discard-only block (RFC 6666), which no packet can come from.
_UNIX_PEER = IPv6Address("100::")

# The longest thing to be parsed: an IPv6 address with a zone, brackets and a port.
_MAX_ELEMENT = 80
# More proxies in a row than this is an attack on our patience, not a network.
_MAX_HOPS = 32
_MAX_MEMO = 4096
# Longer headers are walked each time: the memo stays below a megabyte whatever is sent.
_MAX_REMEMBERED = 160


class Networks(tuple[Network, ...]):
    """A tuple of networks that remembers its answers: the same few peers ask on every request."""

    _memo: dict[str, bool]
    _clients: dict[tuple[str, str], str]

    def __new__(cls, networks: Iterable[Network] = ()) -> Networks:
        made = super().__new__(cls, networks)
        made._memo = {}
        made._clients = {}
        return made

    def holds(self, address: str) -> bool:
        """Tell whether a peer, as the server reports it (empty: a UNIX socket), is in one of the networks."""
        known = self._memo.get(address)
        if known is None:
            if len(self._memo) >= _MAX_MEMO:
                self._memo.clear()
            known = self._memo[address] = holds(self, address)
        return known

    def client_behind(self, remote_addr: str, forwarded: str) -> str:
        """Return what `client_address` says; remembered, for one visitor makes many requests (0.2 us, not 2 us)."""
        if len(forwarded) > _MAX_REMEMBERED:
            return _walk(remote_addr, forwarded, self)
        client = self._clients.get((remote_addr, forwarded))
        if client is None:
            if len(self._clients) >= _MAX_MEMO:
                self._clients.clear()
            client = self._clients[remote_addr, forwarded] = _walk(remote_addr, forwarded, self)
        return client


def parse_networks(texts: Iterable[str]) -> Networks:
    """Read addresses and networks ("10.0.0.0/8", "2001:db8::1", or "unix" for a UNIX socket's peer).

    Host bits may be set. Raises ValueError, with the text in its message, for anything else.
    """
    return Networks(
        ip_network(_UNIX_PEER) if text.strip() == "unix" else ip_network(text.strip(), strict=False) for text in texts
    )


def holds(networks: Sequence[Network], address: str) -> bool:
    """Tell whether the address is in one of the networks; False for anything that is no address."""
    parsed = _UNIX_PEER if address == "" else parse_address(address)
    return parsed is not None and any(parsed in network for network in networks)


def parse_address(text: str) -> Address | None:
    """Read an address as it stands in headers: with or without a port or brackets; None when it is none.

    An IPv4 address in IPv6 clothes (`::ffff:192.0.2.1`, the peer on a dual-stack socket) becomes plain IPv4; a zone
    (`%eth0`) is dropped, for it means nothing on another machine.
    """
    if len(text) > _MAX_ELEMENT:
        return None
    text = text.strip(" \t").strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


@lru_cache(maxsize=_MAX_MEMO)
def normal_address(text: str) -> str:
    """Return the address in its canonical spelling, or "" when it is none (a UNIX socket's peer, or garbage)."""
    return str(parse_address(text) or "")


def client_address(remote_addr: str, forwarded: str | None, trusted: Sequence[Network]) -> str:
    """Return the address of the client, canonical, or "" when there is none.

    `remote_addr` is the socket's peer. If it is in `trusted`, the forwarding header is walked from the right past
    trusted hops to the first that is not; a malformed element ends the walk at the last good one.
    """
    if not forwarded or not trusted:
        return normal_address(remote_addr)  # 0.1 us, as most requests are
    trust = trusted if isinstance(trusted, Networks) else Networks(trusted)
    return trust.client_behind(remote_addr, forwarded)


def resolved_client(remote_addr: str, forwarded: str, trusted: Sequence[Network]) -> str | None:
    """Return the client only if the header is certain to name it; None when the peer is no proxy of ours, or the walk
    ends at a malformed element: for deciding about rights, where `client_address` would name the last good proxy.
    """
    trust = trusted if isinstance(trusted, Networks) else Networks(trusted)
    if not trust.holds(remote_addr):
        return None
    found, certain = _read(forwarded, trust)
    return found if certain else None


def _walk(remote_addr: str, forwarded: str, trust: Networks) -> str:
    found = _read(forwarded, trust)[0] if trust.holds(remote_addr) else ""
    return found or normal_address(remote_addr)


def _read(forwarded: str, trust: Networks) -> tuple[str, bool]:
    """Return the last good address of the walk, and whether the walk ended well."""
    found = ""
    for hop in _hops_from_the_right(forwarded):
        address = normal_address(hop)
        if not address:
            return found, False
        found = address
        if not trust.holds(address):
            break
    return found, bool(found)


def _hops_from_the_right(header: str) -> Iterable[str]:
    # By index from the end: a header of a megabyte costs what its last hops cost.
    end = len(header)
    for _ in range(_MAX_HOPS):
        start = header.rfind(",", max(0, end - _MAX_ELEMENT * 4), end)
        if start < 0 and end > _MAX_ELEMENT * 4:
            yield ""  # an element too long to be one
            return
        yield _address_of(header[start + 1 : end])
        if start < 0:
            return
        end = start
    yield ""  # nobody has that many proxies


def _address_of(element: str) -> str:
    # An element of RFC 7239 is `for=192.0.2.1;proto=https`; one of X-Forwarded-For never holds an equals sign.
    if "=" not in element:
        return element if len(element) <= _MAX_ELEMENT else ""
    for pair in element.split(";"):
        name, _, value = pair.partition("=")
        if name.strip().lower() == "for" and len(value) <= _MAX_ELEMENT:
            return value
    return ""


@lru_cache(maxsize=_MAX_MEMO)
def counting_key(address: str) -> str:
    """Return what to count this client under: an IPv6 client by its /64 (one household, one key), else the address."""
    parsed = parse_address(address)
    if isinstance(parsed, IPv6Address):
        return str(ip_network((parsed, 64), strict=False))
    return str(parsed or "")


def daily_key(secret: str, day: str) -> bytes:
    """Derive the key for `mask(..., "hash")` of one day ("2026-11-23"): hashes of two days cannot be linked."""
    return hmac.digest(
        secret.encode("utf-8", "surrogateescape"), b"artisan_monitoring.client:" + day.encode(), "sha256"
    )


def mask(address: str, mode: str, key: bytes = b"") -> str:
    """Return the address as it may be kept.

    Modes: "full" (as it is), "truncate" (/24 for IPv4, /48 for IPv6), "hash" (32 hex digits, keyed: a plain hash of
    an IPv4 address falls to 2^32 tries) and "none" ("", as for anything that is no address). Raises ValueError for
    another mode, or for "hash" without a key.
    """
    if mode == "full":
        return address
    if mode == "none":
        return ""
    if mode == "truncate":
        return _truncated(address)
    if mode != "hash":
        raise ValueError(f"unknown way to mask an address: {mode!r}")
    if not key:
        raise ValueError("masking an address by hash needs a key")
    parsed = parse_address(address)
    return blake2b(parsed.packed, key=key[:64], digest_size=16).hexdigest() if parsed else ""


@lru_cache(maxsize=_MAX_MEMO)
def _truncated(address: str) -> str:
    parsed = parse_address(address)
    if parsed is None:
        return ""
    return str(ip_network((parsed, 24 if parsed.version == 4 else 48), strict=False).network_address)

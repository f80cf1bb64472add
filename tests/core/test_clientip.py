"""The client's address: nobody outside the trusted proxies can choose it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artisan_monitoring.core import clientip

TRUSTED = clientip.parse_networks(["10.0.0.0/8", "2001:db8:1::/48"])


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("203.0.113.9", None, "203.0.113.9"),
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),  # the peer is no proxy of ours: its claim is not heard
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "6.6.6.6, 198.51.100.1", "198.51.100.1"),  # what the client sent itself stands left
        ("10.0.0.1", "6.6.6.6, 198.51.100.1, 10.9.9.9", "198.51.100.1"),
        ("10.0.0.1", "10.1.1.1, 10.2.2.2", "10.1.1.1"),
        ("10.0.0.1", "198.51.100.1, garbage", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1, garbage, 10.2.2.2", "10.2.2.2"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", ",", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1:4711", "198.51.100.1"),
        ("10.0.0.1", "[2001:db8::7]:4711", "2001:db8::7"),
        ("10.0.0.1", "2001:DB8:0::7", "2001:db8::7"),
        ("2001:db8:1::5", "198.51.100.1", "198.51.100.1"),
        ("::ffff:10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("::ffff:203.0.113.9", None, "203.0.113.9"),
        ("fe80::1%eth0", None, "fe80::1"),
        ("10.0.0.1", 'for=6.6.6.6, for="[2001:db8::7]:80";proto=https;by=10.0.0.1', "2001:db8::7"),
        ("10.0.0.1", "for=198.51.100.1;by=10.2.2.2, For=10.2.2.2", "198.51.100.1"),
        ("10.0.0.1", "for=_hidden", "10.0.0.1"),
        ("10.0.0.1", "for=unknown;for=6.6.6.6", "10.0.0.1"),
        ("10.0.0.1", "proto=https", "10.0.0.1"),
        ("", "198.51.100.1", ""),  # a UNIX socket is only trusted when it was named
        ("not an address\r\n", None, ""),
    ],
)
def test_client_address(peer, forwarded, client):
    assert clientip.client_address(peer, forwarded, TRUSTED) == client
    assert clientip.client_address(peer, forwarded, list(TRUSTED)) == client
    assert clientip.client_address(peer, forwarded, TRUSTED) == client  # from memory


def test_unix_socket_can_be_trusted():
    trusted = clientip.parse_networks(["unix"])
    assert clientip.client_address("", "198.51.100.1", trusted) == "198.51.100.1"
    assert clientip.client_address("203.0.113.9", "198.51.100.1", trusted) == "203.0.113.9"


def test_without_trusted_proxies_the_header_is_never_read():
    assert clientip.client_address("10.0.0.1", "198.51.100.1", ()) == "10.0.0.1"


def test_a_megabyte_of_header_costs_what_its_end_costs():
    assert clientip.client_address("10.0.0.1", "1" * 1_000_000, TRUSTED) == "10.0.0.1"
    assert clientip.client_address("10.0.0.1", "6.6.6.6," * 100_000 + "198.51.100.1", TRUSTED) == "198.51.100.1"
    assert clientip.client_address("10.0.0.1", "10.1.1.1," * 100_000, TRUSTED) == "10.0.0.1"


def test_memory_is_bounded(monkeypatch):
    monkeypatch.setattr(clientip, "_MAX_MEMO", 8)
    trusted = clientip.parse_networks(["10.0.0.0/8"])
    for number in range(100):
        clientip.client_address("10.0.0.1", f"198.51.100.{number}", trusted)
        clientip.client_address(f"10.0.0.{number}", "198.51.100.1", trusted)
    assert len(trusted._memo) <= 8
    assert len(trusted._clients) <= 8


@given(st.text(), st.text())
def test_any_text_gives_an_address_or_nothing(peer, forwarded):
    for remote in (peer, "10.0.0.1"):
        client = clientip.client_address(remote, forwarded, TRUSTED)
        assert client == "" or clientip.parse_address(client) is not None


def test_networks_are_read_with_host_bits_set():
    assert clientip.parse_networks(["10.1.2.3/8"]).holds("10.200.0.1")


@pytest.mark.parametrize("bad", ["10.0.0.0/33", "example.com", "", "10.0.0.1 10.0.0.2"])
def test_what_is_no_network_is_refused_by_name(bad):
    with pytest.raises(ValueError, match="does not appear"):
        clientip.parse_networks([bad])


def test_counting_key_groups_a_household():
    assert clientip.counting_key("2001:db8::1") == clientip.counting_key("2001:db8::ffff:1") == "2001:db8::/64"
    assert clientip.counting_key("203.0.113.9") == "203.0.113.9"
    assert clientip.counting_key("garbage") == ""


def test_mask_modes():
    assert clientip.mask("203.0.113.9", "full") == "203.0.113.9"
    assert clientip.mask("203.0.113.9", "truncate") == "203.0.113.0"
    assert clientip.mask("2001:db8:1:2::3", "truncate") == "2001:db8:1::"
    assert clientip.mask("203.0.113.9", "none") == ""
    assert clientip.mask("garbage", "truncate") == clientip.mask("garbage", "hash", b"key") == ""


def test_hashes_of_two_days_cannot_be_linked():
    monday, tuesday = (clientip.daily_key("secret", day) for day in ("2026-11-23", "2026-11-24"))
    masked = clientip.mask("203.0.113.9", "hash", monday)
    assert masked == clientip.mask("203.0.113.9", "hash", monday)
    assert masked != clientip.mask("203.0.113.9", "hash", tuesday)


def test_mask_refuses_what_would_not_protect():
    with pytest.raises(ValueError, match="needs a key"):
        clientip.mask("203.0.113.9", "hash")
    with pytest.raises(ValueError, match="unknown way"):
        clientip.mask("203.0.113.9", "rot13")


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "10.1.1.1, 10.2.2.2", "10.1.1.1"),
        ("203.0.113.9", "198.51.100.1", None),
        ("10.0.0.1", "unknown", None),
        ("10.0.0.1", "garbage, 10.2.2.2", None),
        ("10.0.0.1", "", None),
        ("10.0.0.1", "1" * 1000, None),
        ("10.0.0.1", "10.1.1.1, " * 50 + "10.1.1.1", None),
    ],
)
def test_rights_need_a_client_that_is_certain(peer, forwarded, client):
    assert clientip.resolved_client(peer, forwarded, TRUSTED) == client
    assert clientip.resolved_client(peer, forwarded, list(TRUSTED)) == client

"""Who may read details: tokens, networks, staff; nobody can lie about where they come from."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.test import RequestFactory

from artisan_monitoring.health import access

TOKEN = "a-token-that-is-long-enough"
OTHER = "the-token-of-next-month-0001"


def ask(user=None, **meta):
    request = RequestFactory().get("/health/detailed", **meta)
    if user is not None:
        request.user = user
    response = access.refusal(request)
    return 200 if response is None else response.status_code


def test_by_default_nobody_may(configure):
    configure()
    assert ask() == 401
    assert ask(AnonymousUser()) == 401


def test_the_refusal_names_the_scheme(configure):
    configure()
    assert access.refusal(RequestFactory().get("/"))["WWW-Authenticate"] == "Bearer"


def test_without_rights_configured_debug_is_open(configure, settings):
    configure()
    settings.DEBUG = True
    assert ask() == 200
    configure(TOKENS=[TOKEN])
    assert ask() == 401


def test_each_token_opens(configure):
    configure(TOKENS=[TOKEN, OTHER])
    assert ask(HTTP_AUTHORIZATION=f"Bearer {TOKEN}") == 200
    assert ask(HTTP_AUTHORIZATION=f"bearer {OTHER}") == 200


@pytest.mark.parametrize(
    "header",
    [
        "Bearer wrong",
        "Bearer ",
        "Bearer",
        "BEARER wrong",
        f"Bearer{TOKEN}",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        f"Bearer {TOKEN} {OTHER}",
        "Bearer \xff\xfe\x00",
        "Bearer \ud800",
        "Bearer " + "é" * 100,
        "Bearer " + "x" * 1_000_000,
        f"Bearer {TOKEN}" + " " * 10_000,
    ],
)
def test_wrong_credentials_are_forbidden(configure, header):
    configure(TOKENS=[TOKEN, ""], NETWORKS=["127.0.0.0/8"])
    assert ask(HTTP_AUTHORIZATION=header) == 403


@pytest.mark.parametrize("header", [f"Basic {TOKEN}", TOKEN, "\r\n", "\x00\xff", "x" * 1_000_000])
def test_credentials_for_somebody_else_are_none(configure, header):
    configure(TOKENS=[TOKEN])
    assert ask(HTTP_AUTHORIZATION=header) == 401
    assert ask(User(username="x", is_staff=True), HTTP_AUTHORIZATION=header) == 200


def test_a_token_that_no_encoding_knows_harms_nobody(configure):
    configure(TOKENS=["\ud800" * 20])
    assert ask(HTTP_AUTHORIZATION="Bearer x") == 403


def test_a_token_beyond_ascii_matches_as_its_bytes(configure):
    configure(TOKENS=["schlüssel-für-alle-türen"])
    sent = "schlüssel-für-alle-türen".encode().decode("latin-1")
    assert ask(HTTP_AUTHORIZATION=f"Bearer {sent}") == 200


def test_every_token_is_compared_in_constant_time(configure, monkeypatch):
    compared = []
    monkeypatch.setattr(access.hmac, "compare_digest", lambda a, b: compared.append((a, b)) or a == b)
    configure(TOKENS=[TOKEN, OTHER])
    assert ask(HTTP_AUTHORIZATION=f"Bearer {TOKEN}") == 200
    assert len(compared) == 2
    assert {len(each) for pair in compared for each in pair} == {32}


NETWORKS = {"NETWORKS": ["192.0.2.0/24", "10.9.0.0/16"]}
PROXIES = {"TRUSTED_PROXIES": ["10.0.0.0/8"]}


@pytest.mark.parametrize(
    ("meta", "status"),
    [
        ({"REMOTE_ADDR": "192.0.2.7"}, 200),
        ({"REMOTE_ADDR": "::ffff:192.0.2.7"}, 200),
        ({"REMOTE_ADDR": "198.51.100.1"}, 401),
        ({"REMOTE_ADDR": ""}, 401),
        ({"REMOTE_ADDR": "garbage\r\n"}, 401),
        # a peer of the network that speaks for somebody else is no trusted proxy: refused
        ({"REMOTE_ADDR": "192.0.2.7", "HTTP_X_FORWARDED_FOR": "192.0.2.8"}, 401),
        ({"REMOTE_ADDR": "192.0.2.7", "HTTP_FORWARDED": "for=192.0.2.8"}, 401),
        ({"REMOTE_ADDR": "192.0.2.7", "HTTP_X_REAL_IP": "192.0.2.8"}, 401),
        ({"REMOTE_ADDR": "192.0.2.7", "HTTP_VIA": "1.1 squid"}, 401),
        # a trusted proxy: the client it names is tested
        ({"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_FOR": "192.0.2.8"}, 200),
        ({"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_FOR": "192.0.2.8, 198.51.100.1"}, 401),
        ({"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_FOR": "10.9.1.1"}, 200),
        # a proxy that is itself in the network must not lend its rights to whom it could not name
        ({"REMOTE_ADDR": "10.9.0.1"}, 200),
        ({"REMOTE_ADDR": "10.9.0.1", "HTTP_X_FORWARDED_FOR": "unknown"}, 401),
        ({"REMOTE_ADDR": "10.9.0.1", "HTTP_X_FORWARDED_FOR": ""}, 401),
        ({"REMOTE_ADDR": "10.9.0.1", "HTTP_X_FORWARDED_FOR": "\x00\xff" * 50_000}, 401),
        ({"REMOTE_ADDR": "10.9.0.1", "HTTP_X_REAL_IP": "198.51.100.1"}, 401),
        ({"REMOTE_ADDR": "10.9.0.1", "HTTP_X_FORWARDED_FOR": "198.51.100.1"}, 401),
    ],
)
def test_networks(configure, meta, status):
    configure(top=PROXIES, **NETWORKS)
    assert ask(**meta) == status


def test_the_header_of_the_setting_is_the_one_that_counts(configure):
    configure(top={**PROXIES, "FORWARDED_HEADER": "X-Real-IP"}, **NETWORKS)
    assert ask(REMOTE_ADDR="10.0.0.1", HTTP_X_REAL_IP="192.0.2.8", HTTP_X_FORWARDED_FOR="198.51.100.1") == 200
    assert ask(REMOTE_ADDR="10.0.0.1", HTTP_X_FORWARDED_FOR="192.0.2.8") == 401


def test_a_unix_socket_can_be_a_network(configure):
    configure(NETWORKS=["unix"])
    assert ask(REMOTE_ADDR="") == 200
    assert ask(REMOTE_ADDR="127.0.0.1") == 401


def test_a_network_that_is_none_gives_rights_to_nobody(configure):
    configure(NETWORKS=["everybody", "192.0.2.0/24"])
    assert ask(REMOTE_ADDR="192.0.2.7") == 200
    assert ask(REMOTE_ADDR="198.51.100.1") == 401


@pytest.mark.parametrize(
    ("flags", "status"),
    [
        ({"is_staff": True}, 200),
        ({"is_staff": False}, 403),
        ({"is_staff": True, "is_active": False}, 403),
        ({"is_superuser": True}, 403),
    ],
)
def test_staff(configure, flags, status):
    configure(TOKENS=[TOKEN])
    assert ask(User(username="x", **flags)) == status


def test_a_session_that_cannot_be_read_is_no_right_and_no_error(configure):
    class Broken:
        @property
        def is_authenticated(self):
            raise RuntimeError("the session's database is away")

    configure()
    assert ask(Broken()) == 401


@pytest.mark.parametrize(
    ("meta", "client"),
    [
        ({"REMOTE_ADDR": "198.51.100.1", "HTTP_X_FORWARDED_FOR": "192.0.2.1"}, "198.51.100.1"),
        ({"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_FOR": "192.0.2.1"}, "192.0.2.1"),
        ({"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_FOR": "2001:db8::1"}, "2001:db8::/64"),
        ({"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_FOR": "\x00" * 100_000}, "10.0.0.1"),
    ],
)
def test_the_client_whose_calls_are_counted(configure, meta, client):
    configure(top=PROXIES)
    assert access.client_of(RequestFactory().get("/", **meta)) == client

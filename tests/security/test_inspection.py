"""What is an attack and what is not: known tricks are found, everyday input is left in peace, and time is bounded."""

from __future__ import annotations

import re._parser as parser
from urllib.parse import quote, quote_plus

import pytest
from django.http import QueryDict
from hypothesis import given
from hypothesis import strategies as st

from artisan_monitoring.security.inspection import (
    MAX_FINDINGS,
    MAX_PARAMETERS,
    SNIPPET,
    agent_findings,
    honey_segment,
    inspect,
    suspicious,
)
from artisan_monitoring.security.rules import RULES
from tests.security.attacks import ALSO, ATTACKS, EVERYDAY


def scores(value, name="q"):
    """Score a value brought in a query string, then in a form."""
    form = QueryDict(mutable=True)
    form[name] = value
    return inspect("/", f"{name}={quote_plus(value)}").score, inspect("/", "", form.lists()).score


@pytest.mark.parametrize(("event", "value"), ATTACKS)
def test_an_attack_in_a_query_string_is_found(event, value):
    query = f"page=2&q={quote_plus(value)}&x=1"
    assert suspicious("/products/", query)
    verdict = inspect("/products/", query)
    assert verdict.score >= 5
    assert event in {each.event for each in verdict.findings}
    assert {each.name for each in verdict.findings} == {"q"}


@pytest.mark.parametrize(("event", "value"), ATTACKS)
def test_an_attack_in_a_form_is_found(event, value):
    form = QueryDict(mutable=True)
    form["comment"] = value
    verdict = inspect("/", "", form.lists())
    assert verdict.score >= 5
    assert event in {each.event for each in verdict.findings}


@pytest.mark.parametrize(("event", "value"), [pair for pair in ATTACKS if "\x00" not in pair[1]])
def test_an_attack_is_found_behind_two_encodings(event, value):
    query = "q=" + quote_plus(quote(value, safe=""))
    assert suspicious("/", query)
    findings = inspect("/", query).findings
    assert {event, "malicious_extraneous"} <= {each.event for each in findings}
    assert "evasion.double_encoding" in {each.rule for each in findings}


@pytest.mark.parametrize("value", EVERYDAY)
def test_everyday_input_stays_below_the_threshold(value):
    assert max(scores(value)) < 5


@pytest.mark.parametrize(
    "path",
    [
        "/a/../../etc/passwd",
        "/static/..%5c..%5cwin.ini",
        "/%c0%ae%c0%ae/x",
        "/x\x00",
        "/<script>alert(1)</script>/",
        "//etc/passwd",
    ],
)
def test_a_path_is_searched(path):
    assert suspicious(path, "")
    assert inspect(path, "").score >= 5


@pytest.mark.parametrize(
    "path", ["/", "/products/12/", "/a.b/c~d/e@f+g,h=i:j/", "/caf%C3%A9/", "/café/", "/x..y/", "/a__b/", "/etc/"]
)
def test_an_ordinary_path_is_not_an_attack(path):
    assert inspect(path, "").findings == []


def test_a_clean_request_is_not_even_looked_at_closely():
    assert not suspicious(
        "/api/products/12/reviews/", "page=2&sort=-price&q=red+shoes&next=%2Fadmin%2Fa&name=caf%C3%A9"
    )


@pytest.mark.parametrize(
    "name",
    [
        "password__startswith",
        "user__password__regex",
        "author__auth_token__gt",
        "owner__api_key__contains",
        "_connector",
        "_negated",
    ],
)
def test_a_lookup_through_a_secret_field_is_found(name):
    verdict = inspect("/", f"a=1&{name}=x")
    assert [each.event for each in verdict.findings] == ["malicious_orm_lookup"]
    assert suspicious("/", f"a=1&{name}=x")
    assert suspicious("/", f"{name}=x")


@pytest.mark.parametrize(
    "name", ["created__gte", "is_active__exact", "author__name__icontains", "password", "hash", "_", "__"]
)
def test_an_ordinary_filter_is_not(name):
    assert inspect("/", f"{name}=x").findings == []


def test_the_value_of_a_secret_is_never_looked_at_but_its_name_is():
    form = QueryDict(mutable=True)
    form["password"] = "' or '1'='1"
    form["password__regex"] = "<script>alert(1)</script>"
    verdict = inspect("/", "", form.lists(), skip=lambda name: name.startswith("password"))
    assert [each.rule for each in verdict.findings] == ["orm.lookup"]
    assert inspect("/", "password=%27+or+1%3D1", skip=lambda name: True).findings == []


@pytest.mark.parametrize(
    "agent",
    [
        "sqlmap/1.7",
        "Mozilla/5.0 (Nikto/2.5)",
        "Mozlila/5.0",
        "Nuclei - Open-source project (github.com/projectdiscovery/nuclei)",
        "gobuster/3.6",
        "zgrab/0.x",
    ],
)
def test_a_scanner_is_known_by_its_user_agent(agent):
    assert [each.event for each in agent_findings(agent)] == ["malicious_attack_tool"]


def test_attacks_in_a_user_agent_are_found():
    assert [each.rule for each in agent_findings("() { :; }; /bin/bash -c 'id'")] == ["rce.shellshock"]
    assert [each.rule for each in agent_findings("${jndi:ldap://x}")] == ["rce.jndi"]


@pytest.mark.parametrize(
    "agent",
    [
        "",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
        "python-httpx/0.27",
        "curl/8.5",
        "kube-probe/1.30",
    ],
)
def test_other_programs_are_welcome(agent):
    assert agent_findings(agent) == ()


@pytest.mark.parametrize(
    ("path", "segment"),
    [
        ("/.env", ".env"),
        ("/app/.git/config", ".git"),
        ("/wp-login.php", "wp-login.php"),
        ("/.claude/settings.json", ".claude"),
        ("/WP-Admin/", "wp-admin"),
    ],
)
def test_honey_paths_are_known(path, segment):
    assert honey_segment(path) == segment


@pytest.mark.parametrize(
    "path", ["/", "/environment/", "/products/1/", "/.well-known/security.txt", "/favicon.ico", ""]
)
def test_other_paths_are_no_honey(path):
    assert honey_segment(path) == ""


def test_rules_that_are_ignored_count_nothing():
    query = "q=" + quote_plus("<script>")
    assert inspect("/", query, ignored=frozenset({"xss.script"})).score == 0


def test_the_same_trick_ten_times_counts_once():
    one = inspect("/", "a=" + quote_plus("<script>")).score
    assert inspect("/", "&".join(f"a{n}=" + quote_plus("<script>") for n in range(9))).score == one


def test_a_snippet_shows_32_characters_around_the_match():
    finding = inspect("/", "q=" + "a" * 200 + quote_plus("<script>") + "b" * 200).findings[0]
    assert len(finding.snippet) == SNIPPET
    assert "<script>" in finding.snippet


def test_only_so_many_parameters_are_looked_at():
    many = "&".join(["a='"] * MAX_PARAMETERS) + "&q=%3Cscript%3E"
    assert inspect("/", many).findings == []
    form = QueryDict("&".join(["a=1"] * MAX_PARAMETERS) + "&q=%3Cscript%3E")
    assert inspect("/", "", form.lists()).findings == []


def test_it_stops_when_the_time_is_up():
    ticks = iter([0.0, 0.0, 0.001, 0.003])
    query = "a=%3Cscript%3E&b=%7B%7B7*7%7D%7D&c=%24%28id%29"
    verdict = inspect("/", query, clock=lambda: next(ticks))
    assert verdict.cut
    assert {each.name for each in verdict.findings} == {"a", "b"}


def test_findings_are_bounded():
    everything = quote_plus(" ".join(value for _, value in ATTACKS[:30]))
    verdict = inspect("/", "&".join(f"a{n}={everything}" for n in range(40)))
    assert MAX_FINDINGS <= len(verdict.findings) < MAX_FINDINGS + len(RULES) * 2


def test_values_that_are_no_text_are_passed_over():
    assert inspect("/", "", [("file", [b"<script>", 5, None])]).findings == []


@given(
    st.text(max_size=200), st.text(max_size=400), st.dictionaries(st.text(max_size=20), st.lists(st.text(max_size=100)))
)
def test_nothing_that_comes_in_breaks_it(path, query, form):
    suspicious(path, query)
    verdict = inspect(path, query, form.items())
    assert verdict.score >= 0
    agent_findings(query)
    honey_segment(path)


def repeats(parsed, times=1):
    """Yield how often the parts of a parsed pattern may repeat, nested ones multiplied."""
    for operator, argument in parsed:
        if operator in (parser.MAX_REPEAT, parser.MIN_REPEAT):
            yield times * argument[1]
            yield from repeats(argument[2], times * argument[1])
        elif operator is parser.SUBPATTERN:
            yield from repeats(argument[-1], times)
        elif operator is parser.BRANCH:
            for branch in argument[1]:
                yield from repeats(branch, times)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_every_rule_is_bounded(rule):
    """`re` cannot be stopped: each span has an end, and none is repeated, so that a search is linear in the text."""
    assert max(repeats(parser.parse(rule.pattern.pattern)), default=0) <= 300


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_every_rule_has_an_attack_that_needs_it(rule):
    found = {
        each.rule
        for _, value in ATTACKS
        for target in ("q=", "")
        for each in inspect(f"/{value}", f"q={quote_plus(value)}").findings
    }
    found |= {each.rule for value in ALSO for each in inspect(f"/{value}", f"q={quote_plus(value)}").findings}
    found |= {each.rule for each in agent_findings("() { :; };")}
    assert rule.id in found

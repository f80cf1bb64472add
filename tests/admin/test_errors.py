"""The error pages of the admin: readable, read-only, bounded, and harmless whatever an error holds."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connections, transaction
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from artisan_monitoring import AlertSeverity, error_tracker
from artisan_monitoring.admin.error_actions import BULK
from artisan_monitoring.core import context
from artisan_monitoring.errors import capture, sink
from artisan_monitoring.errors.keeping import searchable
from artisan_monitoring.errors.states import Actor, Resolution, State, Terms, assign, change_state, comment_on
from artisan_monitoring.models import ErrorActivity, ErrorEvent, ErrorGroup

pytestmark = pytest.mark.django_db(databases=["default", "monitoring"])

LIST = "admin:artisan_monitoring_errorgroup_changelist"
PAGE = "admin:artisan_monitoring_errorgroup_change"
PAYLOADS = (
    "<script>document.title='owned'</script>",
    "\"><img src=x onerror=document.title='owned'>",
    "'><svg/onload=document.title='owned'>",
    "</pre></code></table><iframe srcdoc=\"<script>parent.document.title='owned'</script>\">",
    "{{ 7|add:7 }}{% now 'Y' %}",
    "javascript:document.title='owned'",
)


@pytest.fixture(autouse=True)
def fresh():
    capture._bound.cache_clear()
    context.clear()
    yield
    context.clear()


def keep(*excs: BaseException, **kwargs) -> None:
    """Capture exceptions and put them through the sink."""
    seen: list[capture.Captured] = []
    capture.observers.append(seen.append)
    try:
        for exc in excs:
            error_tracker.track_error(exc, **kwargs)
    finally:
        capture.observers.remove(seen.append)
    with transaction.atomic(using="monitoring"):
        sink.apply([each.record for each in seen], using="monitoring")


def charge(number: int) -> BaseException:
    order = {"number": number, "token": "hush"}
    try:
        try:
            {}["missing"]
        except KeyError as exc:
            raise ConnectionError(f"order {order['number']} refused") from exc
    except ConnectionError as exc:
        return exc
    raise AssertionError


class TestPage:
    def test_shows_stack_source_variables_cause_and_reason(self, admin_client):
        keep(charge(17), context={"operation": "signup"})
        html = admin_client.get(reverse(PAGE, args=[ErrorGroup.objects.get().pk])).content.decode()
        assert "ConnectionError" in html
        assert "order 17 refused" in html
        assert "which was caused by" in html
        assert "KeyError" in html
        assert "am-line am-hit" in html
        assert "{&#x27;number&#x27;: 17, &#x27;token&#x27;: [redacted]}" in html
        assert "Why this is one group" in html
        assert "raised ConnectionError" in html
        assert "signup" in html
        assert "hush" not in html

    def test_samples_are_walked_one_by_one(self, admin_client):
        for number in (1, 2, 3):
            keep(charge(number))
        group = ErrorGroup.objects.get()
        oldest, middle, newest = ErrorEvent.objects.order_by("pk")
        page = reverse(PAGE, args=[group.pk])
        latest = admin_client.get(page)
        assert (latest.context["event"], latest.context["position"], latest.context["total"]) == (newest, 3, 3)
        assert (latest.context["older"], latest.context["newer"]) == (middle.pk, None)
        between = admin_client.get(page, {"event": middle.pk})
        assert (between.context["older"], between.context["newer"]) == (oldest.pk, newest.pk)

    @pytest.mark.parametrize("event", ["0", "x", "9" * 40, "-1", "٣"])
    def test_unknown_sample_shows_the_latest(self, admin_client, event):
        keep(charge(1))
        response = admin_client.get(reverse(PAGE, args=[ErrorGroup.objects.get().pk]), {"event": event})
        assert response.context["event"] == ErrorEvent.objects.get()

    def test_group_whose_samples_are_gone_still_has_a_page(self, admin_client):
        keep(charge(1))
        ErrorEvent.objects.all().delete()
        response = admin_client.get(reverse(PAGE, args=[ErrorGroup.objects.get().pk]))
        assert "No full sample is kept" in response.content.decode()

    @pytest.mark.parametrize(
        "details",
        [{}, {"exception": [{}]}, {"exception": [{"frames": [{}]}], "request": {"query": [["a", "b"]]}}],
    )
    def test_sample_with_little_in_it_is_shown(self, admin_client, details):
        keep(charge(1))
        event = ErrorEvent.objects.get()
        event.details = details
        event.save()
        assert admin_client.get(reverse(PAGE, args=[event.group_id])).status_code == 200

    def test_queries_are_bounded(self, admin_client):
        for number in range(3):
            keep(charge(number))
        page = reverse(PAGE, args=[ErrorGroup.objects.get().pk])
        with (
            CaptureQueriesContext(connections["monitoring"]) as ours,
            CaptureQueriesContext(connections["default"]) as host,
        ):
            admin_client.get(page)
        assert len(ours) <= 14
        assert len(host) <= 3  # session, user, and to whom it can be assigned

    def test_unknown_group_is_404(self, admin_client):
        assert admin_client.get(reverse(PAGE, args=[404])).status_code == 404


class TestList:
    def test_shows_open_groups_with_counts_and_sparkline(self, admin_client):
        keep(charge(1), charge(2))
        html = admin_client.get(reverse(LIST)).content.decode()
        assert "order 2 refused" in html
        assert "<svg" in html
        assert "2 in the last 24 hours" in html
        assert 'href="' + reverse(PAGE, args=[ErrorGroup.objects.get().pk]) in html

    def test_resolved_groups_are_behind_the_filter(self, admin_client):
        keep(charge(1))
        change_state([ErrorGroup.objects.get().pk], State.RESOLVED, Actor(), now=timezone.now() + timedelta(hours=1))
        assert "order 1 refused" not in admin_client.get(reverse(LIST)).content.decode()
        for state in ("resolved", "all"):
            assert "order 1 refused" in admin_client.get(reverse(LIST), {"state": state}).content.decode()
        assert "order 1 refused" not in admin_client.get(reverse(LIST), {"state": "muted"}).content.decode()

    def test_search_finds_message_and_culprit(self, admin_client):
        keep(charge(1))
        for words, found in (("refused", True), ("test_errors charge", True), ("elsewhere", False)):
            html = admin_client.get(reverse(LIST), {"q": words}).content.decode()
            assert ("order 1 refused" in html) is found

    def test_queries_do_not_grow_with_rows(self, admin_client):
        counts = []
        for several in (range(1), range(20)):
            for number in several:
                try:
                    raise type(f"Error{number}", (Exception,), {})("x")
                except Exception as exc:
                    keep(exc)
            with CaptureQueriesContext(connections["monitoring"]) as queries:
                admin_client.get(reverse(LIST))
            counts.append(len(queries))
        assert counts[0] == counts[1] <= 6


class TestSearchAndFilters:
    def test_search_finds_files_and_tags(self, admin_client):
        keep(charge(1))
        retag(region="eu-1")
        for words, found in (
            ("test_errors.py", True),
            ("region=eu-1", True),
            ("REGION=EU", True),
            ("region=us", False),
        ):
            html = admin_client.get(reverse(LIST), {"q": words}).content.decode()
            assert ("order 1 refused" in html) is found, words

    def test_filters_are_in_the_address_and_kept_by_the_form(self, admin_client):
        keep(charge(1))
        query = {
            "q": "order",
            "severity": "MEDIUM",
            "seen": "24h",
            "assigned": "nobody",
            "handled": "1",
            "state": "all",
        }
        html = admin_client.get(reverse(LIST), query).content.decode()
        assert "order 1 refused" in html
        for value in ("MEDIUM", "24h", "nobody", "1"):
            assert f'<option value="{value}" selected>' in html
        assert '<input type="hidden" name="state" value="all">' in html

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ({"severity": "HIGH+"}, False),
            ({"severity": "MEDIUM"}, True),
            ({"seen": "1h"}, True),
            ({"seen": "new-7d"}, True),
            ({"seen": "nonsense"}, True),
            ({"assigned": "me"}, False),
            ({"assigned": "somebody"}, False),
            ({"handled": "0"}, False),
            ({"release": "9.9"}, False),
            ({"release": "1.0"}, True),
            ({"state": "regressed"}, False),
        ],
    )
    def test_each_filter(self, admin_client, query, found):
        with override_settings(ARTISAN_MONITORING={"DATABASE": "monitoring", "RELEASE": "1.0"}):
            keep(charge(1))
        html = admin_client.get(reverse(LIST), query).content.decode()
        assert ("order 1 refused" in html) is found

    def test_tabs_count_the_states(self, admin_client):
        keep(charge(1))
        change_state([ErrorGroup.objects.get().pk], State.MUTED, Actor())
        tabs = admin_client.get(reverse(LIST)).context["cl"].tabs
        assert [(tab["label"], tab["count"], tab["here"]) for tab in tabs] == [
            ("Open", "0", True), ("Regressed", "0", False), ("Resolved", "0", False), ("Muted", "1", False),
            ("All", "1", False),
        ]  # fmt: skip

    @pytest.mark.parametrize(
        ("query", "said"),
        [
            ({}, "No error is open."),
            ({"state": "muted"}, "No error is in this state."),
            ({"q": "x"}, "No error is like"),
        ],
    )
    def test_empty_list_says_why(self, admin_client, query, said):
        html = admin_client.get(reverse(LIST), query).content.decode()
        assert said in html
        assert ("am-clear" in html) is ("q" in query)

    def test_pages_of_a_few_and_of_many_hold_their_part(self, admin_client):
        now = timezone.now()
        for total in (120, 620):
            ErrorGroup.objects.all().delete()
            ErrorGroup.objects.bulk_create(
                ErrorGroup(type=f"E{n}", first_seen=now, last_seen=now - timedelta(seconds=n)) for n in range(total)
            )
            changelist = admin_client.get(reverse(LIST), {"p": 3}).context["cl"]
            assert [each.type for each in changelist.result_list] == [f"E{n}" for n in range(100, min(150, total))]
            assert changelist.result_count == total
            narrowed = admin_client.get(reverse(LIST), {"seen": "30d", "p": 2}).context["cl"]
            assert [each.type for each in narrowed.result_list] == [f"E{n}" for n in range(50, 100)]
            assert narrowed.result_count == total

    def test_regressed_groups_are_among_the_open_ones(self, admin_client):
        keep(charge(1))
        ErrorGroup.objects.update(state=State.REGRESSED)
        for query in ({}, {"state": "regressed"}):
            assert "order 1 refused" in admin_client.get(reverse(LIST), query).content.decode()


def retag(**tags: str) -> None:
    """Put tags on the one sample there is, as if it had been captured with them."""
    event = ErrorEvent.objects.get()
    event.tags, event.details["tags"] = tags, tags
    event.save()
    group = event.group
    sample = {"details": event.details, "route": "", "release": "", "environment": ""}
    group.search = searchable(group, [sample])
    group.save()


class TestDeeds:
    """What the page's forms do."""

    def post(self, client, deed: str, **data):
        url = reverse("admin:artisan_monitoring_errorgroup_act", args=[ErrorGroup.objects.get().pk, deed])
        return client.post(url, data, follow=True)

    def test_each_is_done_written_down_and_shown(self, admin_client, admin_user):
        keep(charge(1))
        assert "resolved" in self.post(admin_client, "resolve", resolution="now", comment="fixed it").content.decode()
        self.post(admin_client, "mute", mute="volume", limit="5", period="86400")
        self.post(admin_client, "reopen")
        self.post(admin_client, "assign", assignee="me")
        self.post(admin_client, "rate", severity="CRITICAL")
        html = self.post(admin_client, "comment", comment="look <here>").content.decode()
        assert list(ErrorActivity.objects.order_by("pk").values_list("kind", "reason", "comment", "by_label")) == [
            ("resolved", "", "fixed it", "admin"),
            ("muted", "until it happens 5 times within a day", "", "admin"),
            ("reopened", "", "", "admin"),
            ("assigned", "to admin", "", "admin"),
            ("severity", "from MEDIUM to CRITICAL", "", "admin"),
            ("commented", "", "look <here>", "admin"),
        ]
        for text in ("fixed it", "until it happens 5 times", "for admin", "Critical, fixed", "look &lt;here&gt;"):
            assert text in html

    def test_number_alone_means_volume_and_volume_without_one_changes_nothing(self, admin_client):
        keep(charge(1))
        html = self.post(admin_client, "mute", mute="volume").content.decode()
        assert "Nothing was changed" in html
        assert ErrorGroup.objects.get().state == State.OPEN
        self.post(admin_client, "mute", mute="forever", limit="7")
        assert ErrorGroup.objects.get().mute_limit == 7

    def test_staff_can_be_assigned_and_others_cannot(self, admin_client):
        keep(charge(1))
        staff = User.objects.create_user("ben", is_staff=True)
        guest = User.objects.create_user("guest")
        self.post(admin_client, "assign", assignee=str(guest.pk))
        assert ErrorGroup.objects.get().assignee_pk == ""
        self.post(admin_client, "assign", assignee=str(staff.pk))
        assert ErrorGroup.objects.get().assignee_label == "ben"
        self.post(admin_client, "assign", assignee="")
        assert ErrorGroup.objects.get().assignee_pk == ""

    @pytest.mark.parametrize(
        "data",
        [{"mute": "soon"}, {"limit": "0"}, {"limit": "x"}, {"period": "5", "limit": "3"}, {"comment": "x" * 10_001}],
    )
    def test_bad_input_changes_nothing_and_says_so(self, admin_client, data):
        keep(charge(1))
        assert "Nothing was changed" in self.post(admin_client, "mute", **data).content.decode()
        assert not ErrorActivity.objects.exists()

    def test_only_who_may_change_can(self, client):
        keep(charge(1))
        user = User.objects.create_user("viewer", is_staff=True)
        user.user_permissions.add(Permission.objects.get(codename="view_errorgroup"))
        client.force_login(user)
        assert self.post(client, "resolve").status_code == 403
        assert ErrorGroup.objects.get().state == State.OPEN

    def test_unknown_deed_and_get_are_refused(self, admin_client):
        keep(charge(1))
        pk = ErrorGroup.objects.get().pk
        assert self.post(admin_client, "explode").status_code == 404
        assert (
            admin_client.get(reverse("admin:artisan_monitoring_errorgroup_act", args=[pk, "mute"])).status_code == 405
        )
        assert (
            admin_client.post(reverse("admin:artisan_monitoring_errorgroup_act", args=[404, "mute"])).status_code == 404
        )


class TestTakeAway:
    def url(self, kind: str) -> str:
        return reverse(f"admin:artisan_monitoring_errorgroup_{kind}", args=[ErrorGroup.objects.get().pk])

    def test_json_is_a_file_with_the_sample(self, admin_client):
        keep(charge(17), context={"operation": "signup"})
        response = admin_client.get(self.url("json"))
        assert "attachment" in response["Content-Disposition"]
        whole = response.json()
        assert (whole["count"], whole["sample"]["details"]["context"]) == (1, {"operation": "signup"})

    def test_markdown_names_the_sample_asked_for(self, admin_client):
        for number in (1, 2):
            keep(charge(number))
        first = ErrorEvent.objects.order_by("pk").first()
        text = admin_client.get(self.url("markdown"), {"event": first.pk}).content.decode()
        assert "order 1 refused" in text
        assert f"http://testserver{reverse(PAGE, args=[first.group_id])}" in text

    def test_who_may_not_view_gets_neither(self, client):
        keep(charge(1))
        client.force_login(User.objects.create_user("staff", is_staff=True))
        assert client.get(self.url("json")).status_code == client.get(self.url("markdown")).status_code == 403


TRAIL = [
    {"at": 0.001, "kind": "query", "text": "SELECT 1", "ms": 1.5},
    {"at": 0.002, "kind": "query", "text": "SELECT 1", "ms": 2.5},
    {"at": 0.01, "kind": "log", "text": "about to pay", "level": "ERROR"},
    {"at": 0.5, "kind": "breadcrumb", "text": "afterwards", "data": {"card": "none"}},
]


class TestTrail:
    def test_failure_stands_between_what_was_before_and_after(self, admin_client):
        keep(charge(1))
        event = ErrorEvent.objects.get()
        event.details.update(trail=TRAIL, trail_at=0.02)
        event.save()
        html = admin_client.get(reverse(PAGE, args=[event.group_id])).content.decode()
        order = [html.index(text) for text in ("2 times", "about to pay", 'class="am-failed"', "afterwards")]
        assert order == sorted(order)
        assert "4.0 ms" in html

    def test_sample_without_one_has_no_trail(self, admin_client):
        keep(charge(1))
        event = ErrorEvent.objects.get()
        event.details.pop("trail", None)
        event.save()
        assert 'class="am-trail"' not in admin_client.get(reverse(PAGE, args=[event.group_id])).content.decode()

    @pytest.mark.parametrize("trail", [None, [], {}, "x", [None], [{}], [{"at": "soon", "ms": None, "data": 5}]])
    def test_odd_one_does_not_break_the_page(self, admin_client, trail):
        keep(charge(1))
        event = ErrorEvent.objects.get()
        event.details.update(trail=trail, trail_at="never")
        event.save()
        assert admin_client.get(reverse(PAGE, args=[event.group_id])).status_code == 200


class TestSurroundings:
    def test_similar_groups_are_linked(self, admin_client):
        keep(charge(1))
        group = ErrorGroup.objects.get()
        other = ErrorGroup.objects.create(
            type=group.type, message="like it", first_seen=timezone.now(), last_seen=timezone.now()
        )
        html = admin_client.get(reverse(PAGE, args=[group.pk])).content.decode()
        assert f'href="{reverse(PAGE, args=[other.pk])}"' in html

    def test_chart_has_marks_and_a_table(self, admin_client):
        with override_settings(ARTISAN_MONITORING={"DATABASE": "monitoring", "RELEASE": "1.4.2"}):
            keep(charge(1))
        change_state([ErrorGroup.objects.get().pk], State.RESOLVED, Actor("1", "ann"))
        html = admin_client.get(reverse(PAGE, args=[ErrorGroup.objects.get().pk])).content.decode()
        assert "1.4.2 first seen" in html
        assert html.count('class="am-mark') == 2
        assert "As a table" in html

    def test_tags_are_shown_by_share(self, admin_client):
        for number in range(3):
            keep(charge(number))
        ErrorEvent.objects.update(tags={"region": "eu"})
        html = admin_client.get(reverse(PAGE, args=[ErrorGroup.objects.get().pk])).content.decode()
        assert "Share of the latest 3 samples" in html
        assert "100 %" in html


class TestActions:
    def act(self, client, action: str, *pks: int, **extra):
        data = {"action": action, "_selected_action": pks, **extra}
        return client.post(reverse(LIST) + "?state=all", data)

    def test_resolve_mute_and_reopen_are_done_and_written_down(self, admin_client, admin_user):
        keep(charge(1))
        pk = ErrorGroup.objects.get().pk
        for action, state in (("resolve", State.RESOLVED), ("mute", State.MUTED), ("reopen", State.OPEN)):
            assert self.act(admin_client, action, pk).status_code == 302
            assert ErrorGroup.objects.get().state == state
        assert list(ErrorActivity.objects.values_list("kind", "by_label", "by_pk")) == [
            (kind, "admin", str(admin_user.pk)) for kind in ("reopened", "muted", "resolved")
        ]

    @pytest.mark.parametrize("action", sorted(BULK))
    def test_every_action_of_the_list_works_and_takes_a_reason(self, admin_client, action):
        keep(charge(1))
        group = ErrorGroup.objects.get()
        group.state, group.severity_fixed, group.assignee_pk = State.REGRESSED, action == "rate_by_rule", "99"
        group.save()
        assert self.act(admin_client, action, group.pk, comment="because").status_code == 302
        assert ErrorActivity.objects.get().comment == "because"

    def test_many_at_once_are_changed_in_bounded_transactions(self, admin_client):
        now = timezone.now()
        ErrorGroup.objects.bulk_create(ErrorGroup(type=f"E{n}", first_seen=now, last_seen=now) for n in range(1100))
        pks = ErrorGroup.objects.values_list("pk", flat=True)[:1]
        self.act(admin_client, "resolve_next", *pks, select_across="1")
        assert set(ErrorGroup.objects.values_list("state", flat=True)) == {State.RESOLVED}
        assert ErrorActivity.objects.count() == 1100

    def test_who_may_only_view_sees_no_action(self, client):
        keep(charge(1))
        pk = ErrorGroup.objects.get().pk
        user = User.objects.create_user("viewer", password="x", is_staff=True)
        user.user_permissions.add(Permission.objects.get(codename="view_errorgroup"))
        client.force_login(user)
        html = client.get(reverse(PAGE, args=[pk])).content.decode()
        assert "am-menu" not in html
        assert 'method="post" action="/admin/artisan' not in html
        self.act(client, "resolve", pk)
        assert ErrorGroup.objects.get().state == State.OPEN

    def test_staff_without_permission_see_nothing(self, client):
        keep(charge(1))
        client.force_login(User.objects.create_user("staff", password="x", is_staff=True))
        event = ErrorEvent.objects.get()
        for page in (
            reverse(LIST),
            reverse(PAGE, args=[event.group_id]),
            reverse("admin:artisan_monitoring_errorevent_change", args=[event.pk]),
        ):
            assert client.get(page).status_code == 403

    def test_nobody_adds_edits_or_deletes(self, admin_client):
        keep(charge(1))
        pk = ErrorGroup.objects.get().pk
        assert admin_client.get(reverse("admin:artisan_monitoring_errorgroup_add")).status_code == 403
        assert admin_client.post(reverse("admin:artisan_monitoring_errorgroup_delete", args=[pk])).status_code == 403
        admin_client.post(reverse(PAGE, args=[pk]), {"state": "resolved"})
        assert ErrorGroup.objects.get().state == State.OPEN


class TestEvents:
    def test_found_by_request_id_and_shown_on_the_groups_page(self, admin_client):
        context.request_id.set("req-1")
        keep(charge(1))
        event = ErrorEvent.objects.get()
        html = admin_client.get(
            reverse("admin:artisan_monitoring_errorevent_changelist"), {"q": "req-1"}
        ).content.decode()
        assert "1 error event" in html
        response = admin_client.get(reverse("admin:artisan_monitoring_errorevent_change", args=[event.pk]))
        assert response.url == reverse(PAGE, args=[event.group_id]) + f"?event={event.pk}"


def hostile(payload: str, rf) -> None:
    """Keep an error that has the payload in every place an error has."""
    kind = type(payload, (Exception,), {"__module__": payload})
    scope = {"payload": payload, "kind": kind, "__name__": payload}
    try:
        exec("def fail():\n    local = {payload: payload}\n    raise kind(payload)\nfail()", scope)
    except Exception as exc:
        exc.add_note(payload)
        request = rf.post("/", {payload: payload}, query_params={payload: payload}, headers={"User-Agent": payload})
        assert request.POST
        request.path = payload
        request._cached_user = User(pk=payload)
        settings = {"DATABASE": "monitoring", "RELEASE": payload, "ENVIRONMENT": payload, "HOST": payload}
        for variable in (context.request_id, context.trace_id, context.client, context.task):
            variable.set(payload)
        settings["ERRORS"] = {"IN_APP_INCLUDE": [payload]}
        with override_settings(ARTISAN_MONITORING=settings):
            keep(exc, severity=AlertSeverity.LOW, context={payload: payload}, request=request)
        surround(ErrorEvent.objects.latest("pk"), payload)


def surround(event: ErrorEvent, payload: str) -> None:
    """Put the payload into what is kept around an error: trail, tags, people, releases."""
    step = {"at": 0.5, "text": payload, "ms": 1, "level": payload, "data": {payload: payload}}
    kinds = ("log", "query", "cache", "http", "breadcrumb", payload)
    event.details.update(trail=[{**step, "kind": kind} for kind in kinds], trail_at=0.5)
    event.tags = {payload: payload, "region": payload}
    event.save()
    twin = ErrorEvent(**{field.attname: getattr(event, field.attname) for field in event._meta.concrete_fields})
    twin.pk, twin.event_id = None, uuid4()
    twin.save()
    actor = Actor(payload, payload)
    for pk in [event.group_id]:
        assign([pk], actor, actor, comment=payload)
        terms = Terms(resolution=Resolution.NEXT, release=payload)
        change_state([pk], State.RESOLVED, actor, terms=terms, comment=payload)
        comment_on([pk], payload, actor)


class TestHostile:
    def test_payloads_come_out_as_text(self, admin_client, rf):
        for payload in PAYLOADS:
            hostile(payload, rf)
        change_state(
            ErrorGroup.objects.values_list("pk", flat=True), State.MUTED, Actor("1", PAYLOADS[0]), comment=PAYLOADS[1]
        )
        pages = [reverse(PAGE, args=[pk]) for pk in ErrorGroup.objects.values_list("pk", flat=True)]
        assert len(pages) == len(PAYLOADS)
        for page in (*pages, reverse(LIST) + "?state=all", reverse("admin:artisan_monitoring_errorevent_changelist")):
            html = admin_client.get(page).content.decode()
            assert "owned" in html or "add:7" in html
            for payload in PAYLOADS[:4]:
                assert payload not in html
            assert "<img src=x" not in html
            assert "14" + str(timezone.now().year) not in html
            assert 'href="javascript:' not in html

    def test_pages_need_no_inline_style_or_script(self, admin_client):
        keep(charge(1))
        html = admin_client.get(reverse(PAGE, args=[ErrorGroup.objects.get().pk])).content.decode()
        assert " style=" not in html
        assert "<style" not in html
        assert " onclick=" not in html

"""The error pages of the admin: readable, read-only, bounded, and harmless whatever an error holds."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connections, transaction
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from artisan_monitoring import AlertSeverity, error_tracker
from artisan_monitoring.core import context
from artisan_monitoring.errors import capture, sink
from artisan_monitoring.errors.states import Actor, State, change_state
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
        assert len(ours) <= 10
        assert len(host) <= 2  # session and user

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
        assert counts[0] == counts[1] <= 4


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

    def test_button_of_the_page_comes_back_to_it(self, admin_client):
        keep(charge(1))
        pk = ErrorGroup.objects.get().pk
        page = reverse(PAGE, args=[pk])
        assert 'value="resolve"' in admin_client.get(page).content.decode()
        assert self.act(admin_client, "resolve", pk, from_page="1").url == page
        html = admin_client.get(page).content.decode()
        assert 'value="reopen"' in html
        assert "by admin" in html

    def test_who_may_only_view_sees_no_action(self, client):
        keep(charge(1))
        pk = ErrorGroup.objects.get().pk
        user = User.objects.create_user("viewer", password="x", is_staff=True)
        user.user_permissions.add(Permission.objects.get(codename="view_errorgroup"))
        client.force_login(user)
        assert 'value="resolve"' not in client.get(reverse(PAGE, args=[pk])).content.decode()
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

"""Merging, splitting, undoing and trying rules in the admin: who may, what is asked, what is said, nothing runs."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission, User
from django.urls import reverse

from artisan_monitoring.models import ErrorActivity, ErrorGroup, Grouping
from artisan_monitoring.testing import override_monitoring

from .test_errors import LIST, PAGE, PAYLOADS, charge, fresh, keep  # noqa: F401  # fresh is a fixture

pytestmark = pytest.mark.django_db(databases=["default", "monitoring"])

MERGE = "admin:artisan_monitoring_errorgroup_merge"
GROUPING = "admin:artisan_monitoring_errorgroup_grouping"
UNDO = "admin:artisan_monitoring_errorgroup_undo"
REGROUP = "admin:artisan_monitoring_errorgroup_regroup"


def by_type(occurrence):
    return [occurrence.type]


@pytest.fixture
def groups() -> list[ErrorGroup]:
    """Three groups, seen three times, twice and once."""
    for times, name in ((3, "a"), (2, "b"), (1, "c")):
        for _ in range(times):
            keep(ValueError(f"message of {name}"), fingerprint=[name])
    return list(ErrorGroup.objects.order_by("-count"))


@pytest.fixture
def viewer(client):
    """Somebody who may look and not act."""
    user = User.objects.create_user("val", password="x", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_errorgroup"))
    client.force_login(user)
    return client


def merge_url(groups) -> str:
    return f"{reverse(MERGE)}?groups={','.join(str(group.pk) for group in groups)}"


def said(response) -> str:
    return " ".join(str(message) for message in response.context["messages"])


class TestMerge:
    def test_the_action_leads_to_a_page_that_asks(self, admin_client, groups):
        pks = [group.pk for group in groups[:2]]
        chosen = {"action": "merge_selected", "_selected_action": pks}
        response = admin_client.post(reverse(LIST), chosen, follow=True)
        html = response.content.decode()
        assert "Merge errors" in html
        assert html.count('type="radio"') == 2
        assert ErrorGroup.objects.count() == 3

    def test_one_group_is_not_enough(self, admin_client, groups):
        chosen = {"action": "merge_selected", "_selected_action": [groups[0].pk]}
        assert "Choose 2" in said(admin_client.post(reverse(LIST), chosen, follow=True))
        assert "Fewer than two" in said(admin_client.get(f"{reverse(MERGE)}?groups=999,x,,-1", follow=True))

    def test_it_is_done_with_who_and_why(self, admin_client, groups):
        a, b, _ = groups
        form = {"groups": [a.pk, b.pk], "target": a.pk, "comment": "same cause"}
        response = admin_client.post(merge_url(groups), form, follow=True)
        assert response.redirect_chain[-1][0] == reverse(GROUPING, args=[a.pk])
        assert "Merged with 1 other group." in said(response)
        a.refresh_from_db()
        assert (a.count, ErrorGroup.objects.count()) == (5, 2)
        activity = ErrorActivity.objects.get()
        assert (activity.kind, activity.by_label, activity.comment) == ("merged", "admin", "same cause")
        html = response.content.decode()
        assert "same cause" in html
        assert "2 times then" in html
        # What it was called leads to what it is in.
        assert admin_client.get(reverse(PAGE, args=[b.pk])).context["group"] == a

    @pytest.mark.parametrize("form", [{}, {"groups": ["x"], "target": "1"}, {"groups": [], "target": ""}])
    def test_a_form_that_says_too_little_changes_nothing(self, admin_client, groups, form):
        assert "Choose the groups" in said(admin_client.post(merge_url(groups), form))
        assert ErrorGroup.objects.count() == 3

    def test_a_group_that_was_not_on_the_page_is_not_merged(self, admin_client, groups):
        a, b, c = groups
        admin_client.post(merge_url([a, b]), {"groups": [c.pk], "target": a.pk})
        assert ErrorGroup.objects.count() == 3

    def test_who_may_not_act_is_refused(self, viewer, groups):
        assert viewer.get(merge_url(groups)).status_code == 403
        assert viewer.post(merge_url(groups), {}).status_code == 403
        assert "merge_selected" not in viewer.get(reverse(LIST)).content.decode()


class TestSplitAndUndo:
    @pytest.fixture
    def merged(self, admin_client, groups) -> ErrorGroup:
        form = {"groups": [group.pk for group in groups], "target": groups[0].pk}
        admin_client.post(merge_url(groups), form)
        return groups[0]

    def test_fingerprints_are_shown_with_their_counts_and_split_off(self, admin_client, groups, merged):
        url = reverse(GROUPING, args=[merged.pk])
        html = admin_client.get(url).content.decode()
        for times in (1, 2, 3):
            assert f"{times} times" in html
        response = admin_client.post(url, {"fingerprints": [_grouping("b").pk], "comment": "no"}, follow=True)
        assert "1 fingerprint split off" in said(response)
        assert sorted(ErrorGroup.objects.values_list("count", flat=True)) == [2, 4]
        new = _grouping("b").group
        assert "Split off from another group." in admin_client.get(reverse(GROUPING, args=[new.pk])).content.decode()

    def test_a_split_of_nothing_or_all_is_refused(self, admin_client, groups, merged):
        url = reverse(GROUPING, args=[merged.pk])
        assert "Choose the fingerprints" in said(admin_client.post(url, {}))
        everything = list(Grouping.objects.values_list("pk", flat=True))
        assert "leave it at least one" in said(admin_client.post(url, {"fingerprints": everything}))
        assert ErrorGroup.objects.count() == 1

    def test_a_merge_is_undone(self, admin_client, groups, merged):
        keep(ValueError("later"), fingerprint=["b"])
        url = reverse(UNDO, args=[merged.pk, ErrorActivity.objects.get().pk])
        response = admin_client.post(url, {"comment": "were three"}, follow=True)
        assert "Undone." in said(response)
        assert {group.pk: group.count for group in ErrorGroup.objects.all()} == {
            groups[0].pk: 3, groups[1].pk: 3, groups[2].pk: 1,
        }  # fmt: skip
        assert "undone" in response.content.decode()
        assert "cannot be undone" in said(admin_client.post(url, follow=True))

    def test_a_visit_to_its_address_undoes_nothing(self, admin_client, groups, merged):
        admin_client.get(reverse(UNDO, args=[merged.pk, ErrorActivity.objects.get().pk]))
        assert ErrorGroup.objects.count() == 1

    def test_what_is_not_exact_is_said(self, admin_client, groups):
        a, _, c = groups
        Grouping.objects.filter(pk=_grouping("b").pk).update(group=a)
        ErrorGroup.objects.filter(pk=a.pk).update(count=5)
        response = admin_client.post(merge_url([a, c]), {"groups": [a.pk, c.pk], "target": a.pk}, follow=True)
        assert "5 occurrences could not be told apart" in said(response)

    def test_who_may_not_act_sees_and_cannot(self, viewer, groups):
        url = reverse(GROUPING, args=[groups[0].pk])
        html = viewer.get(url).content.decode()
        assert "Fingerprints" in html
        assert "<textarea" not in html
        assert viewer.post(url, {}).status_code == 403
        assert viewer.post(reverse(UNDO, args=[groups[0].pk, 1])).status_code == 403

    def test_nobody_else_sees_it(self, client, groups):
        assert client.get(reverse(GROUPING, args=[groups[0].pk])).status_code == 302
        client.force_login(User.objects.create_user("sam", password="x", is_staff=True))
        assert client.get(reverse(GROUPING, args=[groups[0].pk])).status_code == 403
        assert client.get(reverse(REGROUP)).status_code == 403

    def test_a_group_that_is_not_there(self, admin_client):
        assert admin_client.get(reverse(GROUPING, args=[999])).status_code == 404


class TestRegroup:
    def test_the_rules_in_force_change_nothing(self, admin_client):
        keep(charge(17))
        html = admin_client.get(reverse(REGROUP)).content.decode()
        assert "Nothing is written" in html
        assert "Would become one" not in html

    def test_other_modules_are_tried(self, admin_client):
        keep(charge(17))
        html = admin_client.get(f"{reverse(REGROUP)}?exclude=tests&days=1").content.decode()
        assert "Would start anew" in html
        assert 'value="tests"' in html

    def test_the_projects_rule_and_none_are_tried(self, admin_client):
        with override_monitoring(ERRORS={"FINGERPRINT": f"{__name__}.by_type"}):
            keep(charge(17))
            assert "by_type" in admin_client.get(reverse(REGROUP)).content.decode()
            html = admin_client.get(f"{reverse(REGROUP)}?rule=none").content.decode()
            assert "Would start anew" in html

    @pytest.mark.parametrize("query", ["days=x&include=&exclude=", "days=999", "exclude=%00<script>", "rule=os.system"])
    def test_odd_addresses_are_harmless(self, admin_client, query):
        keep(charge(17))
        response = admin_client.get(f"{reverse(REGROUP)}?{query}")
        assert response.status_code == 200
        assert b"<script>" not in response.content


@pytest.mark.parametrize("payload", PAYLOADS)
def test_hostile_text_is_escaped_on_every_page(admin_client, payload):
    for number in (1, 2):
        error = type(payload[:20].replace("\0", ""), (Exception,), {})(payload)
        keep(error, fingerprint=[payload, str(number)])
    groups = list(ErrorGroup.objects.order_by("pk"))
    pages = [admin_client.get(merge_url(groups))]
    form = {"groups": [group.pk for group in groups], "target": groups[0].pk, "comment": payload}
    pages.append(admin_client.post(merge_url(groups), form, follow=True))
    pages.append(admin_client.get(f"{reverse(REGROUP)}?exclude=tests"))
    for page in pages:
        html = page.content.decode()
        if "<" in payload:
            assert payload not in html


def _grouping(name: str) -> Grouping:
    return next(each for each in Grouping.objects.all() if each.components[1:] == [f"  {name}"])

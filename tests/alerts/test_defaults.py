"""Default rules are given once."""

from __future__ import annotations

from unittest import mock

import pytest
from django.core.management import call_command

from artisan_monitoring.alerts import defaults
from artisan_monitoring.alerts.evaluation import pure
from artisan_monitoring.models import AlertRule, SeededRule

pytestmark = pytest.mark.django_db(databases="__all__")


@pytest.fixture(autouse=True)
def fresh_installation() -> None:
    AlertRule.objects.all().delete()
    SeededRule.objects.all().delete()
    call_command("migrate", database="monitoring", verbosity=0)


def test_migrate_makes_the_default_rules() -> None:
    assert set(AlertRule.objects.values_list("name", flat=True)) == {rule.name for rule in defaults.DEFAULT_RULES}
    assert set(AlertRule.objects.values_list("source", flat=True)) == {"default"}
    for rule in AlertRule.objects.all():
        rule.full_clean()
        assert pure(rule).threshold > 0


def test_deleted_or_renamed_defaults_do_not_come_back() -> None:
    AlertRule.objects.get(name="High error rate").delete()
    AlertRule.objects.filter(name="Critical errors").update(name="Ours")
    call_command("migrate", database="monitoring", verbosity=0)
    names = set(AlertRule.objects.values_list("name", flat=True))
    assert "High error rate" not in names
    assert "Critical errors" not in names
    assert "Ours" in names
    AlertRule.objects.all().delete()
    call_command("migrate", database="monitoring", verbosity=0)
    assert not AlertRule.objects.exists()


def test_default_rule_of_a_later_version_is_added() -> None:
    later = AlertRule(name="Later", kind="error_count", threshold=1, severity="LOW")
    AlertRule.objects.all().delete()
    with mock.patch.object(defaults, "DEFAULT_RULES", (*defaults.DEFAULT_RULES, later)):
        call_command("migrate", database="monitoring", verbosity=0)
    assert list(AlertRule.objects.values_list("name", flat=True)) == ["Later"]


def test_project_rule_of_the_same_name_is_kept() -> None:
    SeededRule.objects.filter(name="High error rate").delete()
    AlertRule.objects.filter(name="High error rate").update(threshold=0.5, source="admin")
    call_command("migrate", database="monitoring", verbosity=0)
    assert AlertRule.objects.get(name="High error rate").threshold == 0.5

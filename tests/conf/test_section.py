import pytest

from artisan_monitoring.conf import MonitoringSettings
from artisan_monitoring.conf.section import Section, option, section


class Inner(Section):
    SIZE: int = option(3, "Small.")
    TABLE: dict = option({"a": 1}, "One.")


class Outer(Section):
    NAME: str = option("x", "Short.")
    INNER: Inner = section(Inner, "Nested.")


def test_an_instance_has_the_defaults_and_what_was_chosen_over_them():
    chosen = Outer(INNER=Inner(SIZE=5))

    assert (chosen.NAME, chosen.INNER.SIZE, chosen.INNER.TABLE) == ("x", 5, {"a": 1})
    assert [each.reason for each in Outer.declared.values()] == ["Short.", "Nested."]
    assert chosen == Outer(INNER=Inner(SIZE=5)) != Outer()


def test_a_dictionary_belongs_to_one_instance():
    Inner().TABLE["b"] = 2
    assert Inner().TABLE == {"a": 1}


def test_a_key_that_does_not_exist_is_refused_by_name():
    with pytest.raises(TypeError, match="SIEZ"):
        Inner(SIEZ=4)


def test_settings_are_not_changed_in_place():
    with pytest.raises(AttributeError, match="SIZE"):
        Inner().SIZE = 4


def test_no_value_is_in_a_section_s_repr():
    assert "hunter2" not in repr(MonitoringSettings(SERVICE="hunter2"))

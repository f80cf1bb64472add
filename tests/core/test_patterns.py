import re

import pytest

from artisan_monitoring.core.patterns import lazily


def test_a_pattern_is_compiled_at_its_first_use_and_kept():
    pattern = lazily(r"(\w)\d", re.I)
    assert "search" not in vars(pattern)

    assert pattern.search("xA7").group(1) == "A"
    assert vars(pattern)["search"] is pattern.search
    assert pattern.sub("-", "a1 b2") == "- -"
    assert (pattern.pattern, pattern.flags & re.I) == (r"(\w)\d", re.I)


def test_a_wrong_pattern_says_so_when_it_is_used():
    broken = lazily("(")
    with pytest.raises(re.error):
        broken.match("x")


def test_what_a_pattern_does_not_have_is_an_attribute_error():
    with pytest.raises(AttributeError):
        assert lazily("x").nonsense

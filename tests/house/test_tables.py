"""The reference says what the code does. After a change: `python -m tests.house.tables`."""

from __future__ import annotations

import pytest

from tests.house.tables import TABLES, written


@pytest.mark.parametrize("page", sorted(TABLES))
def test_a_table_in_the_reference_is_the_codes(page: str) -> None:
    assert written(page) == TABLES[page]()

"""Records are built by the names of their fields."""

import numpy as np
import pytest

from cascade.assembly.entities import records
from cascade.core.params import POINT, TIER


def test_fields_are_found_by_name_and_those_not_named_are_zero():
    table = records(TIER, [{"max_leverage": 20.0, "cap": 5}, {"rate": 7}])
    assert table.cap.tolist() == [5, 0]
    assert table.rate.tolist() == [0, 7]
    assert table.max_leverage.tolist() == [20.0, 0.0]


def test_a_name_that_is_no_field_is_refused():
    with pytest.raises(KeyError, match="leverage"):
        records(TIER, [{"cap": 5, "leverage": 20.0}])


def test_no_rows_make_an_empty_table_of_the_type():
    table = records(POINT, [])
    assert table.dtype == POINT
    assert len(table) == 0
    assert isinstance(table, np.recarray)

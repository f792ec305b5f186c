"""The computed half of the table is what the networks give today."""

import pytest

from superres.testing.costs import cost_of
from superres.zoo import NETWORKS, Row, costs


@pytest.mark.slow
@pytest.mark.parametrize("row", NETWORKS, ids=lambda row: row.name)
def test_stored_costs_are_those_computed(row: Row) -> None:
    assert costs(row.name) == [cost_of(row, scale) for scale in row.scales]

"""The table of docs/metrics.md says what the metrics themselves say."""

from pathlib import Path

from superres.bench.measuring import find_metric
from superres.metrics.names import METRICS

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"


def test_the_table_is_that_of_the_facts() -> None:
    rows = [line.split(" | ") for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    assert [row[0].strip("| `") for row in rows] == list(METRICS)
    for name, row in zip(METRICS, rows, strict=True):
        facts = find_metric(name).facts
        low, high = (f"{end:g}" for end in facts.range)
        reference = "yes" if facts.needs_reference else "no"
        wanted = [facts.better, f"{low} to {high}", facts.unit or "-", reference, str(facts.smallest)]
        assert row[1:6] == wanted, name
        assert (row[6] == "yes") == facts.differentiable, name
        assert len(row[7]) > 3, name

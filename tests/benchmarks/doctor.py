"""``catalog doctor`` at 100,000 assets."""

from __future__ import annotations

from catalog.settings import Settings
from catalog.usecases.doctor import examine
from catalog.wiring import open_catalog
from tests.benchmarks import big
from tests.benchmarks.common import Figure, count_argument, emit, timed


def main() -> None:
    """Measures one examination, index included."""
    count = count_argument(100_000)
    catalog = open_catalog(Settings(home=big.home(count), disk_reserve=0))
    with timed() as seconds:
        report = examine(catalog.store, catalog.engine)
        spent = seconds()
    catalog.close()
    assert report.healthy, report.findings
    emit([Figure(f"doctor: {count:,} assets", spent, "s", "under 30", spent < 30)])


if __name__ == "__main__":
    main()

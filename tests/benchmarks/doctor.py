"""``catalog doctor`` at 100,000 assets: 30 s. It looks at each, so fewer have less time."""

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
    limit = 30 * min(1.0, count / 100_000)
    emit([Figure(f"doctor: {count:,} assets", spent, "s", f"under {limit:g}", spent < limit)])


if __name__ == "__main__":
    main()

"""``make bench``: runs the benchmarks one after the other, prints a table, writes JSON.

``python -m tests.benchmarks [NAME...]``: only these. Figures go to ``build/benchmarks.json``.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

NAMES = (
    "ingest",
    "year",
    "by_name",
    "during_crawl",
    "crawl_pages",
    "start",
    "doctor",
    "lineage",
    "search",
)


def main(names: list[str]) -> int:
    """1 if a bar is missed or a benchmark failed."""
    rows: list[dict[str, object]] = []
    failed = []
    for name in names or list(NAMES):
        if not (Path(__file__).parent / f"{name}.py").is_file():
            sys.exit(f"there is no benchmark {name!r}; there are {', '.join(NAMES)}")
        done = subprocess.run(
            [sys.executable, "-m", f"tests.benchmarks.{name}"], stdout=subprocess.PIPE, text=True
        )
        found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        for row in found:
            _print(row)
        rows.extend(found)
        if done.returncode:
            failed.append(name)
            print(f"{name}: failed with {done.returncode}", file=sys.stderr)
    target = Path("build") / "benchmarks.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    missed = [row for row in rows if row["holds"] is False]
    print(f"{len(rows)} figures, {len(missed)} bars missed; written to {target}")
    return 1 if failed or missed else 0


def _print(row: dict[str, object]) -> None:
    mark = {True: "holds", False: "MISSED", None: ""}[row["holds"]]  # type: ignore[index]
    print(f"{row['what']:<52} {row['figure']:>14,.2f} {row['unit']:<18} {row['bar']:<22} {mark}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

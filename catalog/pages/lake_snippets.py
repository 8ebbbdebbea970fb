"""How to read a lake dataset: by its location, format and partitions. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote

from catalog.assets.views import AssetView
from catalog.pages.quoting import python_text, quoted, sql_text, variable

_JSON: Final = frozenset({"json", "ndjson"})
_TEXTS: Final = frozenset({"csv", "tsv"})
_ARROW: Final = {"parquet": "parquet", "csv": "csv", "tsv": "csv", "orc": "orc"}
_READERS: Final = {"parquet": "read_parquet", "csv": "read_csv", "tsv": "read_csv",
                   "json": "read_json", "ndjson": "read_json", "avro": "read_avro"}  # fmt: skip
_GLOB: Final = "*?["


@dataclass(frozen=True)
class Lake:
    """Where a dataset lies. ``glob``: all its files, where ``path`` is a folder."""

    path: str
    glob: str
    many: bool
    format: str
    hive: bool
    properties: dict[str, Any]
    columns: tuple[str, ...]
    variable: str

    @property
    def local(self) -> bool:
        """Whether it lies in this machine's file system."""
        return "://" not in self.path

    @property
    def is_pattern(self) -> bool:
        """Whether the dataset itself is a pattern of names."""
        return any(letter in self.path for letter in _GLOB)


def lake(view: AssetView, columns: Sequence[str]) -> dict[str, str]:
    """Key -> snippet of a dataset; empty when its location or format is not known."""
    found = lake_of(view, columns)
    if found is None:
        return {}
    if found.format in _TABLE_FORMATS:
        return _TABLE_FORMATS[found.format](found)
    made = {"spark": _spark(found)}
    reader = _READERS.get(found.format)
    if reader is not None:
        call = f"{reader}({sql_text(found.glob)}{_duckdb_options(found, ' = ', sql_text)})"
        chosen = ", ".join(quoted(name, "duckdb") for name in found.columns) or "*"
        made["sql"] = f"SELECT {chosen}\nFROM {call}\nLIMIT 100;"
        if found.format != "avro":
            made["duckdb"] = (
                f"import duckdb\n\n{found.variable} = duckdb.{reader}("
                f"{python_text(found.glob)}{_duckdb_options(found, '=', python_text)})"
            )
    arrow = _arrow(found)
    if arrow:
        made["arrow"], made["pandas"] = arrow, _pandas(found, arrow)
    return {key: text for key, text in made.items() if text}


def lake_of(view: AssetView, columns: Sequence[str] = ()) -> Lake | None:
    """What is known of where the dataset lies; None without a location or format."""
    if not view.location or not view.format or view.format == "empty":
        return None
    path = view.location
    if path.startswith("file:///"):
        path = unquote(path.removeprefix("file://"))
    elif path.startswith("file://"):  # on another machine: its path is all that helps there
        path = "/" + unquote(path.removeprefix("file://")).partition("/")[2]
    table_format = view.properties.get("table_format")
    many = view.kind != "file" and view.properties.get("grouping") != "single"
    pattern = any(letter in path for letter in _GLOB)
    return Lake(
        path=path,
        glob=path if pattern or not many else f"{path.rstrip('/')}/**/*",
        many=many,
        format=str(table_format or view.format),
        hive=bool(view.partition_keys) and view.properties.get("grouping", "hive") == "hive",
        properties=view.properties,
        columns=tuple(columns),
        variable=variable(view.label),
    )


def _duckdb_options(found: Lake, equals: str, text: Any) -> str:
    yes, no = ("true", "false") if equals == " = " else ("True", "False")
    options = []
    if found.hive:
        options.append(f"hive_partitioning{equals}{yes}")
    if found.format in _TEXTS:
        delimiter = found.properties.get("delimiter")
        if delimiter not in (None, ",", "mixed"):
            options.append(f"delimiter{equals}{text(delimiter)}")
        if found.properties.get("header") is False:
            options.append(f"header{equals}{no}")
    return "".join(f", {option}" for option in options)


def _csv_format(found: Lake) -> str:
    """pyarrow's word for the format; for a file of texts with its delimiter."""
    delimiter = found.properties.get("delimiter")
    if found.format not in _TEXTS or delimiter in (None, ",", "mixed"):
        return python_text(_ARROW[found.format])
    return f"ds.CsvFileFormat(pa_csv.ParseOptions(delimiter={python_text(delimiter)}))"


def _arrow(found: Lake) -> str:
    if found.format in _JSON:
        return _arrow_of_json(found)
    if found.format not in _ARROW:
        return ""
    imports = ["import pyarrow.dataset as ds"]
    form = _csv_format(found)
    if form.startswith("ds."):
        imports.append("import pyarrow.csv as pa_csv")
    where = python_text(found.path)
    if found.is_pattern:
        if not found.local:
            return ""
        imports.insert(0, "from glob import glob\n")
        where = f"sorted(glob({where}, recursive=True))"
    partitioning = ', partitioning="hive"' if found.hive else ""
    columns = f"columns=[{', '.join(map(python_text, found.columns))}]" if found.columns else ""
    head = "\n".join(imports)
    return (
        f"{head}\n\ndataset = ds.dataset({where}, format={form}{partitioning})\n"
        f"{found.variable} = dataset.to_table({columns})"
    )


def _arrow_of_json(found: Lake) -> str:
    """Through DuckDB: pyarrow's own reader takes no arrays, and no column that changes its type."""
    options = _duckdb_options(found, "=", python_text)
    return (
        f"import duckdb\n\n{found.variable} = duckdb.read_json("
        f"{python_text(found.glob)}{options}).to_arrow_table()"
    )


def _pandas(found: Lake, arrow: str) -> str:
    if found.format == "parquet" and not found.is_pattern:
        columns = ", ".join(map(python_text, found.columns))
        chosen = f", columns=[{columns}]" if found.columns else ""
        return (
            f"import pandas as pd\n\n{found.variable} = "
            f"pd.read_parquet({python_text(found.path)}{chosen})"
        )
    return f"{arrow}.to_pandas()"


def _spark(found: Lake) -> str:
    form = "csv" if found.format in _TEXTS else "json" if found.format in _JSON else found.format
    if form not in ("parquet", "csv", "json", "orc", "avro"):
        return ""
    options = []
    if form == "csv":
        options.append(f'option("header", {found.properties.get("header") is not False})')
        options.append('option("inferSchema", True)')
        delimiter = found.properties.get("delimiter")
        if delimiter not in (None, ",", "mixed"):
            options.append(f'option("sep", {python_text(delimiter)})')
    if form == "json" and found.properties.get("layout") == "array":
        options.append('option("multiLine", True)')
    if found.many and not found.hive and not found.is_pattern:
        options.append('option("recursiveFileLookup", True)')
    steps = [f'format("{form}")', *options, f"load({python_text(_spark_path(found))})"]
    chain = "\n".join(f"    .{step}" for step in steps)
    return f"{found.variable} = (\n    spark.read\n{chain}\n)"


def _spark_path(found: Lake) -> str:
    if found.local:
        return f"file://{found.path}"
    scheme, _, rest = found.path.partition("://")
    return f"s3a://{rest}" if scheme == "s3" else found.path


def _delta(found: Lake) -> dict[str, str]:
    table = f"DeltaTable({python_text(found.path)})"
    start = f"from deltalake import DeltaTable\n\n{found.variable} = {table}"
    chosen = ", ".join(quoted(name, "duckdb") for name in found.columns) or "*"
    return {
        "sql": f"SELECT {chosen}\nFROM delta_scan({sql_text(found.path)})\nLIMIT 100;",
        "arrow": f"{start}.to_pyarrow_table()",
        "pandas": f"{start}.to_pandas()",
        "spark": f'{found.variable} = spark.read.format("delta")'
        f".load({python_text(_spark_path(found))})",
    }


def _iceberg(found: Lake) -> dict[str, str]:
    chosen = ", ".join(quoted(name, "duckdb") for name in found.columns) or "*"
    return {
        "sql": f"SELECT {chosen}\nFROM iceberg_scan({sql_text(found.path)})\nLIMIT 100;",
        "spark": f'{found.variable} = spark.read.format("iceberg")'
        f".load({python_text(_spark_path(found))})",
    }


def _hudi(found: Lake) -> dict[str, str]:
    return {
        "spark": f'{found.variable} = spark.read.format("hudi")'
        f".load({python_text(_spark_path(found))})"
    }


_TABLE_FORMATS: Final = {"delta": _delta, "iceberg": _iceberg, "hudi": _hudi}

"""The statements sent to PostgreSQL (12 or newer): a constant number per scope.

All read ``pg_catalog`` alone. ``search_path`` is ``pg_catalog``, so that types, defaults and view
texts come with their schemas written out; like the time zone, it is set so that a text does not
depend on who asks.
"""

from __future__ import annotations

from typing import Final

SESSION: Final = """
SELECT set_config('search_path', 'pg_catalog', true),
       set_config('lock_timeout', %(lock)s, true),
       set_config('statement_timeout', %(statement)s, true),
       current_setting('server_version_num')::int,
       set_config('TimeZone', 'UTC', true), set_config('DateStyle', 'ISO, YMD', true),
       set_config('IntervalStyle', 'postgres', true),
       set_config('quote_all_identifiers', 'off', true)
"""

DATABASE: Final = """
SELECT d.oid::int8, d.datname, pg_get_userbyid(d.datdba), shobj_description(d.oid, 'pg_database'),
       has_function_privilege('pg_control_system()', 'EXECUTE')
FROM pg_database d WHERE d.datname = current_database()
"""
# Oids alone come back in another cluster for other tables (a dump restored on a new host), and
# would look like renames; the cluster's own identifier goes before them. Asked on its own: in a
# larger statement the function is refused even in a branch that is not taken.
CLUSTER: Final = "SELECT system_identifier::text FROM pg_control_system()"
DATABASE_SIZE: Final = "SELECT pg_database_size(current_database())"

DATABASES: Final = """
SELECT datname FROM pg_database
WHERE datallowconn AND NOT datistemplate AND has_database_privilege(oid, 'CONNECT')
ORDER BY datname COLLATE "C"
"""

SCHEMAS: Final = """
SELECT oid::int8, nspname FROM pg_namespace
WHERE nspname NOT LIKE 'pg\\_%%' AND nspname <> 'information_schema'
ORDER BY nspname COLLATE "C"
"""

SCHEMA: Final = """
SELECT n.oid::int8, pg_get_userbyid(n.nspowner), obj_description(n.oid, 'pg_namespace'),
       has_schema_privilege(n.oid, 'USAGE'),
       (SELECT count(*) FROM pg_class c WHERE c.relnamespace = n.oid
        AND c.relkind IN ('r', 'v', 'm', 'f', 'p') AND c.relpersistence <> 't')
FROM pg_namespace n WHERE n.oid = %(schema)s
"""

# Every type that a column of the schema has, with what it is made of, however deep.
TYPES: Final = """
WITH RECURSIVE used(typid, typmod) AS (
    SELECT DISTINCT a.atttypid, a.atttypmod
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE c.relnamespace = %(schema)s AND c.relkind IN ('r', 'v', 'm', 'f', 'p')
      AND NOT c.relispartition AND a.attnum > 0 AND NOT a.attisdropped
  UNION
    SELECT part.typid, part.typmod
    FROM used JOIN pg_type t ON t.oid = used.typid CROSS JOIN LATERAL (
        SELECT t.typelem, used.typmod WHERE t.typcategory = 'A' AND t.typelem <> 0
      UNION ALL
        SELECT t.typbasetype, t.typtypmod WHERE t.typtype = 'd'
      UNION ALL
        SELECT a.atttypid, a.atttypmod FROM pg_attribute a
        WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped
    ) AS part(typid, typmod)
)
SELECT used.typid::int8, used.typmod, format_type(used.typid, used.typmod), t.typtype::text,
       CASE WHEN t.typcategory = 'A' THEN t.typelem::int8 ELSE 0 END,
       t.typbasetype::int8, t.typtypmod,
       CASE WHEN t.typtype = 'c' THEN (
           SELECT json_agg(json_build_array(a.attname, a.atttypid::int8, a.atttypmod, a.attnum)
                           ORDER BY a.attnum)
           FROM pg_attribute a
           WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped
       ) END
FROM used JOIN pg_type t ON t.oid = used.typid
"""

PARTITIONS: Final = """
WITH RECURSIVE tree(root, child, parent) AS (
    SELECT c.oid, i.inhrelid, i.inhparent
    FROM pg_class c JOIN pg_inherits i ON i.inhparent = c.oid
    WHERE c.relnamespace = %(schema)s AND c.relkind = 'p' AND NOT c.relispartition
  UNION ALL
    SELECT tree.root, i.inhrelid, i.inhparent
    FROM tree JOIN pg_inherits i ON i.inhparent = tree.child
)
SELECT tree.root::int8, tree.child::int8, tree.parent::int8, n.nspname, c.relname,
       c.relkind::text, pg_get_partkeydef(tree.parent), pg_get_expr(c.relpartbound, c.oid),
       c.reltuples::float8, c.relpages, pg_total_relation_size(c.oid)
FROM tree JOIN pg_class c ON c.oid = tree.child JOIN pg_namespace n ON n.oid = c.relnamespace
ORDER BY tree.root, n.nspname COLLATE "C", c.relname COLLATE "C"
"""

# Aggregated per table by joins, not by subqueries per table: 10,000 tables take one pass each.
RELATIONS: Final = """
WITH rel AS MATERIALIZED (
    SELECT c.oid, c.relname, c.relkind, c.relpersistence, c.relowner, c.reltuples, c.relpages
    FROM pg_class c
    WHERE c.relnamespace = %(schema)s AND c.relkind IN ('r', 'v', 'm', 'f', 'p')
      AND NOT c.relispartition AND c.relpersistence <> 't'
), cols AS (
    SELECT a.attrelid, json_agg(json_build_array(
               a.attname, a.atttypid::int8, a.atttypmod, a.attnum, a.attnotnull,
               pg_get_expr(d.adbin, d.adrelid), a.attidentity, a.attgenerated, t.description
           ) ORDER BY a.attnum) AS data
    FROM rel JOIN pg_attribute a ON a.attrelid = rel.oid
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    LEFT JOIN pg_description t ON t.objoid = a.attrelid AND t.objsubid = a.attnum
                              AND t.classoid = 'pg_class'::regclass
    WHERE a.attnum > 0 AND NOT a.attisdropped
    GROUP BY a.attrelid
), keys AS (
    SELECT k.relid, json_agg(json_build_array(
               k.name, k.type, k.columns, k.schema, k.relation, k.other_columns
           ) ORDER BY k.type, k.name) AS data
    FROM (
        SELECT con.conrelid AS relid, con.conname AS name, con.contype AS type,
               con.conkey::int2[] AS columns, n.nspname AS schema, other.relname AS relation,
               (SELECT array_agg(a.attname ORDER BY u.position)
                FROM unnest(con.confkey) WITH ORDINALITY AS u(attnum, position)
                JOIN pg_attribute a ON a.attrelid = con.confrelid AND a.attnum = u.attnum
               ) AS other_columns
        FROM rel JOIN pg_constraint con ON con.conrelid = rel.oid
        LEFT JOIN pg_class other ON other.oid = con.confrelid
        LEFT JOIN pg_namespace n ON n.oid = other.relnamespace
        WHERE con.contype IN ('p', 'u') OR con.contype = 'f' AND con.conparentid = 0
      UNION ALL
        SELECT i.indrelid, ic.relname, 'u',
               (string_to_array(i.indkey::text, ' ')::int2[])[1:i.indnkeyatts],
               NULL, NULL, NULL
        FROM rel JOIN pg_index i ON i.indrelid = rel.oid
        JOIN pg_class ic ON ic.oid = i.indexrelid
        WHERE i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
          AND NOT EXISTS (SELECT FROM pg_constraint con WHERE con.conindid = i.indexrelid
                          AND con.contype IN ('p', 'u', 'x'))
    ) k
    GROUP BY k.relid
)
SELECT rel.oid::int8, rel.relname, rel.relkind::text, rel.relpersistence::text,
       pg_get_userbyid(rel.relowner), t.description, rel.reltuples::float8, rel.relpages,
       CASE WHEN rel.relkind IN ('r', 'm') THEN pg_total_relation_size(rel.oid) END,
       CASE WHEN rel.relkind IN ('v', 'm') THEN pg_get_viewdef(rel.oid) END,
       CASE WHEN rel.relkind = 'p' THEN pg_get_partkeydef(rel.oid) END,
       (SELECT s.srvname FROM pg_foreign_table f JOIN pg_foreign_server s ON s.oid = f.ftserver
        WHERE rel.relkind = 'f' AND f.ftrelid = rel.oid),
       cols.data, keys.data
FROM rel
LEFT JOIN cols ON cols.attrelid = rel.oid
LEFT JOIN keys ON keys.relid = rel.oid
LEFT JOIN pg_description t ON t.objoid = rel.oid AND t.objsubid = 0
                          AND t.classoid = 'pg_class'::regclass
ORDER BY rel.relname COLLATE "C"
"""

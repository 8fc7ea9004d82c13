-- Run at the source: prints a query a table, with the source's columns, to be run on both sides.
-- The sum of 64 bits of each row's md5 does not depend on the order of the rows.
SELECT $$SET row_security = off; SET TimeZone = 'UTC'; SET DateStyle = 'ISO'; SET IntervalStyle = 'postgres';
SET extra_float_digits = 1; SET bytea_output = 'hex'; SET search_path = 'pg_catalog'; SET xmloption = 'content';$$;
SELECT format('SELECT %L, count(*), sum((''x'' || left(md5(ROW(%s)::text), 16))::bit(64)::bigint::numeric) FROM %I.%I;',
              n.nspname || '.' || c.relname,
              string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum), n.nspname, c.relname)
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
 WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition
   AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\_%'
 GROUP BY n.nspname, c.relname
 ORDER BY n.nspname, c.relname;

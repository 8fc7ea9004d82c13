"""A large generated schema: as of an application with many modules, each of them a schema.

Everything follows from the numbers, so that the same call gives the same database. Of a hundred tables
a module has one tenant table, lookups, chains of parents and children over it, wide ones, a partitioned
one, self-references and a pointer into the module before.
"""

TABLES_A_MODULE = 100
ROWS_A_TABLE = 20
LARGE_ROWS = 10_500  # enough for `assess` to spread a table
LARGE_EVERY = 48


def module_name(number):
    return f"module_{number:03d}"


def table_sql(module, number):
    """One table, its sequence, indexes, constraints and comment."""
    schema = module_name(module)
    name = f"{schema}.t{number:03d}"
    yield (f"CREATE TABLE {name} (id bigserial PRIMARY KEY, tenant_id int NOT NULL, parent_id bigint,"
           f" kind {schema}.kind NOT NULL DEFAULT 'new', code text NOT NULL, amount numeric(12,2) CHECK (amount >= 0),"
           " at timestamptz NOT NULL DEFAULT now(), data jsonb, CONSTRAINT code_is_short"
           " CHECK (length(code) < 80), UNIQUE (tenant_id, code));\n")
    yield f"CREATE INDEX ON {name} (parent_id);\nCREATE INDEX ON {name} (tenant_id, at DESC);\n"
    if number % 7 == 0:
        yield f"CREATE INDEX ON {name} USING gin (data);\nCREATE INDEX ON {name} (lower(code)) WHERE amount > 0;\n"
    if number % 5 == 0:
        yield f"COMMENT ON TABLE {name} IS 'table {number} of module {module}';\n"
        yield f"GRANT SELECT ON {name} TO PUBLIC;\n"
    if number % 10 == 0:
        yield (f"CREATE TRIGGER touch BEFORE UPDATE ON {name} FOR EACH ROW EXECUTE FUNCTION {schema}.touch();\n"
               f"CREATE VIEW {schema}.v{number:03d} AS SELECT tenant_id, count(*) AS rows, max(at) AS last"
               f" FROM {name} GROUP BY tenant_id;\n")


def keys_sql(module, number):
    """Its foreign keys: to the tenant, to a parent, to itself, into the module before."""
    schema = module_name(module)
    table = f"ALTER TABLE {schema}.t{number:03d} ADD FOREIGN KEY"
    yield f"{table} (tenant_id) REFERENCES {schema}.tenants;\n"
    if number % 20 == 19:
        yield f"{table} (parent_id) REFERENCES {schema}.t{number:03d} ON DELETE SET NULL;\n"
    elif number % 20 == 18 and module > 0:
        yield f"{table} (parent_id) REFERENCES {module_name(module - 1)}.t{number:03d};\n"
    elif number % 20 > 0:
        yield f"{table} (parent_id) REFERENCES {schema}.t{number - 1:03d} ON DELETE CASCADE;\n"


def rows_sql(module, number):
    count = LARGE_ROWS if number % LARGE_EVERY == 1 else ROWS_A_TABLE
    return (f"INSERT INTO {module_name(module)}.t{number:03d} (tenant_id, code, amount, data)"
            f" SELECT 1 + i % 20, 'code ' || i, i % 1000, '{{}}' FROM generate_series(1, {count}) AS i;\n")


def module_sql(module, plain_tables):
    """All of a module but its foreign keys; two tables of it are not among the plain ones."""
    schema = module_name(module)
    yield (f"CREATE SCHEMA {schema};\nCREATE TYPE {schema}.kind AS ENUM ('new', 'open', 'done');\n"
           f"CREATE FUNCTION {schema}.touch() RETURNS trigger LANGUAGE plpgsql AS"
           " 'begin new.at := now(); return new; end';\n"
           f"CREATE TABLE {schema}.tenants (id int PRIMARY KEY, name text NOT NULL);\n"
           f"INSERT INTO {schema}.tenants SELECT i, 'tenant ' || i FROM generate_series(1, 20) AS i;\n"
           f"CREATE TABLE {schema}.log (id bigint GENERATED ALWAYS AS IDENTITY, at date NOT NULL, line text)"
           " PARTITION BY RANGE (at);\n")
    for year in (2023, 2024):
        yield (f"CREATE TABLE {schema}.log_{year} PARTITION OF {schema}.log FOR VALUES FROM"
               f" ('{year}-01-01') TO ('{year + 1}-01-01');\n")
    for number in range(plain_tables):
        yield from table_sql(module, number)


def schema_sql(tables):
    """As many tables as told, a multiple of TABLES_A_MODULE, partitions included."""
    modules = tables // TABLES_A_MODULE
    plain = TABLES_A_MODULE - 4  # beside them: tenants, log and its two partitions
    for module in range(modules):
        yield from module_sql(module, plain)
    for module in range(modules):
        for number in range(plain):
            yield from keys_sql(module, number)


def create(cluster, db, tables=3000, rows=True):
    """Makes it in a database that is there; parents that are not filled are never pointed at."""
    cluster.psql(db, "SET synchronous_commit = off;\n" + "".join(schema_sql(tables)), timeout=600)
    if rows:
        plain = TABLES_A_MODULE - 4
        filled = (rows_sql(m, n) for m in range(tables // TABLES_A_MODULE) for n in range(plain))
        cluster.psql(db, "SET synchronous_commit = off;\n" + "".join(filled) + "ANALYZE;\n", timeout=600)

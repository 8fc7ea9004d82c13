"""docs/migration.md, run as it stands: its sh blocks in order, in one bash, against a lab of their own."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from support import sluice
from support.lab import Lab

PAGE = sluice.REPO / "docs" / "migration.md"
PATIENCE = 600
MARK = "--- block {} ends"
TABLES, ROWS = 17, 227_000
LATE_ROWS = 51  # what section 7 adds at the source
# What Sluice left out and tests/data/migration/by-hand.sql makes instead, as the page's table says.
BY_HAND = {"sharded foreign keys": 13, "checks": 2, "table for the materialised view": 1}
# A computed key, and what it has to be at the source: (table, columns that tell a row, the key's expression).
COMPUTED = [
    ("desk.messages", "id", "(SELECT tenant_id FROM desk.tickets t WHERE t.id = x.ticket_id)"),
    ("desk.attachments", "id", "(SELECT tenant_id FROM desk.tickets t JOIN desk.messages m ON m.ticket_id = t.id"
                               " WHERE m.id = x.message_id)"),
    ("desk.ticket_tags", "ticket_id, tag_id", "(SELECT tenant_id FROM desk.tickets t WHERE t.id = x.ticket_id)"),
    ("desk.team_members", "team_id, user_id", "(SELECT tenant_id FROM desk.teams t WHERE t.id = x.team_id)"),
    ("desk.login_events", "at, user_id", "coalesce((SELECT tenant_id FROM desk.users t WHERE t.id = x.user_id), 0)"),
]


def blocks(*languages):
    """What stands in the page's blocks of these languages."""
    found = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return [text for language, text in found if language in languages]


def script(workdir, all_blocks):
    """The blocks as one program that stops at the first failure. Two places are of the test: the directory that
    it works in, and where the loader is."""
    text = "set -eo pipefail\n"
    for i, block in enumerate(all_blocks):
        text += block + f"echo '{MARK.format(i)}'\n"
    for ours, theirs in (("build/helpdesk", str(workdir)), ("$PWD/build:", f"{Path(sluice.SLUICE).resolve().parent}:")):
        assert ours in text
        text = text.replace(ours, theirs)
    return text


class Walk:
    """The page, walked to its end."""

    def __init__(self, tmp_path):
        self.dir = tmp_path / "helpdesk"
        self.state = tmp_path / "lab.json"
        self.env = {k: v for k, v in os.environ.items() if not k.startswith(("PG", "SLUICE_"))}
        self.env["SLUICE_LAB_STATE"] = str(self.state)
        self.blocks = blocks("sh")

    def run(self):
        done = subprocess.run(["bash", "-c", script(self.dir, self.blocks)], cwd=sluice.REPO, env=self.env,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=PATIENCE)
        self.outputs = re.split(r"^--- block \d+ ends\n", done.stdout, flags=re.MULTILINE)
        assert done.returncode == 0, f"block {len(self.outputs) - 1} failed:\n{done.stderr}\n{self.outputs[-1]}"
        self.lab = Lab.attach(json.loads(self.state.read_text(encoding="utf-8")))

    def close(self):
        if self.state.exists():
            lab = Lab.attach(json.loads(self.state.read_text(encoding="utf-8")))
            sluice.end_leftovers(lab.ports())
        subprocess.run([sluice.REPO / "scripts" / "lab", "down"], env=self.env, check=True, timeout=PATIENCE,
                       stdout=subprocess.DEVNULL)

    def src(self, sql):
        return self.lab.source.query("helpdesk", sql)

    def dst(self, sql):
        return self.lab.group.query("postgres_limitless", sql)

    def output(self, words):
        """What the block printed that has these words."""
        found = [out for block, out in zip(self.blocks, self.outputs, strict=False) if words in block]
        assert len(found) == 1, words
        return found[0]


@pytest.fixture(scope="module")
def walk(loader, tmp_path_factory):
    this = Walk(tmp_path_factory.mktemp("migration"))
    try:
        this.run()
        yield this
    finally:
        this.close()


def sums(query, tables):
    """(count, checksum) of each table, over the columns of the source."""
    return {t: query(f"SELECT count(*), sum(('x' || left(md5(({columns})::text), 16))::bit(64)::bigint::numeric)"
                     f" FROM {t} x")[0] for t, columns in tables.items()}


def columns_of_source(walk):
    rows = walk.src("SELECT format('%I.%I', nspname, relname), 'ROW(' || string_agg(quote_ident(attname), ', '"
                    " ORDER BY attnum) || ')' FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace"
                    " JOIN pg_attribute a ON attrelid = c.oid AND attnum > 0 AND NOT attisdropped"
                    " WHERE relkind IN ('r', 'p') AND NOT relispartition AND nspname IN ('desk', 'billing') GROUP BY 1")
    return dict(rows)


def test_every_row_is_there(walk):
    tables = columns_of_source(walk)
    source = sums(walk.src, tables)
    assert len(source) == TABLES
    assert sum(count for count, _ in source.values()) == ROWS + LATE_ROWS
    assert sums(walk.dst, tables) == source


def test_the_page_sees_a_row_that_is_missing(walk):
    """What the page compares with does find a difference."""
    differ = "psql -XAtq '{}' -f queries.sql | cut -d'|' -f1,2,3"
    dsn = walk.lab.group.dsn("postgres_limitless")
    run = {"cwd": walk.dir, "shell": True, "text": True, "check": True, "capture_output": True,
           "env": walk.lab.client_env()}
    before = subprocess.run(differ.format(dsn), **run).stdout
    assert before.count("\n") == TABLES
    walk.dst("UPDATE desk.tickets SET subject = subject || '.' WHERE id = 77 RETURNING id")
    try:
        after = subprocess.run(differ.format(dsn), **run).stdout
    finally:
        walk.dst("UPDATE desk.tickets SET subject = left(subject, -1) WHERE id = 77 RETURNING id")
    changed = [a for a, b in zip(before.split("\n"), after.split("\n"), strict=True) if a != b]
    assert len(changed) == 1 and changed[0].startswith("desk.tickets|40000|")


@pytest.mark.parametrize(("table", "identity", "expression"), COMPUTED, ids=[c[0] for c in COMPUTED])
def test_computed_keys(walk, table, identity, expression):
    key = "sum(('x' || left(md5(ROW({}, {})::text), 16))::bit(64)::bigint::numeric)"
    source = walk.src(f"SELECT count(*), {key.format(identity, expression)} FROM {table} x")
    assert walk.dst(f"SELECT count(*), {key.format(identity, 'tenant_id')} FROM {table} x") == source


def test_tables_are_as_the_job_file_says(walk):
    found = dict(walk.dst("SELECT table_name, table_type || coalesce(' ' || distribution_key, '') FROM"
                          " rds_aurora.limitless_tables WHERE schema_name IN ('desk', 'billing')"))
    expected = dict.fromkeys(("tenants", "plans", "countries"), "reference") | {"app_settings": "standard"}
    sharded = set(found) - set(expected)
    assert len(sharded) == TABLES - len(expected) + BY_HAND["table for the materialised view"]
    assert found == expected | dict.fromkeys(sharded, "sharded HASH (tenant_id)")


def test_every_object_is_accounted_for(walk):
    """Counted from the source's catalog; what is carried or changed is there, with its name."""
    told = sluice.run_load("--source", walk.lab.source.dsn("helpdesk"), "--destination",
                           walk.lab.group.dsn("postgres_limitless"), "--config", walk.dir / "helpdesk.yaml", "--json",
                           subcommand="schema", env={"PGPASSFILE": str(walk.lab.passfile)})
    assert told.status == 0, told
    objects = json.loads(told.out)["objects"]
    assert all(o["note"] for o in objects if o["mark"] != "carried")
    mine = "nspname IN ('desk', 'billing')"
    kinds = walk.src(f"SELECT CASE relkind WHEN 'S' THEN 'SEQUENCE' WHEN 'v' THEN 'VIEW' WHEN 'm' THEN"
                     f" 'MATERIALIZED VIEW' ELSE 'TABLE' END, count(*) FROM pg_class c JOIN pg_namespace n ON"
                     f" n.oid = relnamespace WHERE {mine} AND relkind IN ('r', 'p', 'v', 'm', 'S') GROUP BY 1")
    kinds += walk.src(f"SELECT CASE contype WHEN 'f' THEN 'FK CONSTRAINT' WHEN 'c' THEN 'CHECK' ELSE 'CONSTRAINT' END,"
                      f" count(*) FROM pg_constraint k JOIN pg_class c ON c.oid = conrelid JOIN pg_namespace n ON"
                      f" n.oid = c.relnamespace WHERE {mine} AND NOT (contype = 'f' AND conparentid <> 0) GROUP BY 1")
    kinds += walk.src(f"SELECT 'TRIGGER', count(*) FROM pg_trigger t JOIN pg_class c ON c.oid = tgrelid JOIN"
                      f" pg_namespace n ON n.oid = c.relnamespace WHERE {mine} AND NOT tgisinternal")
    kinds += walk.src(f"SELECT 'INDEX', count(*) FROM pg_index i JOIN pg_class c ON c.oid = indrelid JOIN pg_namespace n"
                      f" ON n.oid = relnamespace WHERE {mine} AND NOT EXISTS (SELECT FROM pg_constraint WHERE"
                      f" conindid = indexrelid AND contype IN ('p', 'u'))")
    for kind, count in kinds:
        assert sum(1 for o in objects if o["type"] == kind) == count, kind
    there = {row[0] for row in walk.dst(f"SELECT nspname || '.' || relname FROM pg_class c JOIN pg_namespace n ON"
                                        f" n.oid = relnamespace WHERE {mine}")}
    for o in objects:
        if o["type"] in ("TABLE", "VIEW", "SEQUENCE", "INDEX"):
            assert (o["name"] in there) == (o["mark"] != "left out"), o


def test_what_is_made_by_hand(walk):
    """Each foreign key of the source has one of its name there, and holds."""
    keys = "SELECT conname FROM pg_constraint WHERE contype = 'f' AND conparentid = 0 AND" \
           " connamespace IN ('desk'::regnamespace, 'billing'::regnamespace) ORDER BY 1"
    assert walk.dst(keys) == walk.src(keys)
    grown = walk.dst("SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND conparentid = 0 AND"
                     " cardinality(conkey) = 2 AND convalidated")
    assert grown == [(BY_HAND["sharded foreign keys"],)]
    months = "SELECT count(*), sum(tickets) FROM desk.tickets_by_month"
    assert walk.dst(months) == walk.src(months)


def test_sequences_are_past_the_source(walk):
    for (name,) in walk.src("SELECT schemaname || '.' || sequencename FROM pg_sequences"):
        if name == "desk.audit_log_id_seq" or walk.src(f"SELECT is_called FROM {name}")[0][0]:
            assert walk.dst(f"SELECT nextval('{name}')")[0][0] > walk.src(f"SELECT last_value FROM {name}")[0][0], name


def test_what_the_page_shows(walk):
    """Answers that readers decide by."""
    assert re.search(r"^ +0$", walk.output("u.tenant_id <> t.tenant_id"), re.MULTILINE)
    assert "ready to load" in walk.output("sluice check")
    assert "the same schema" in walk.output("diff <(dump")
    assert "30 of 30 chunks committed" in walk.output("kill -KILL")
    assert f"{TABLES} tables are equal" in walk.output("queries.sql")
    assert f"{TABLES} tables are equal" in walk.output("logins.yaml")
    assert re.search(r"^ +40000 \| +0$", walk.output("by-hand.sql"), re.MULTILINE)
    assert "billing.invoices|4800|221712315275270959867" in walk.output("queries.sql")
    assert re.search(r"^ +41001 \| +4001$", walk.output("AS article"), re.MULTILINE)


def test_outputs_on_the_page_are_of_this_program(walk):
    """What the page shows is still printed, line by line: all lines but those that differ from run to run."""
    files = ("helpdesk.yaml", "schema.txt", "sql/before.sql", "sql/after.sql")
    printed = [*walk.outputs, *((walk.dir / f).read_text(encoding="utf-8") for f in files)]
    printed = {squeezed(line) for text in printed for line in text.split("\n")}
    lines = [squeezed(line) for block in blocks("", "sql", "yaml") for line in block.split("\n")]
    steady = [line for line in lines if line and "[...]" not in line and not CHANGING.search(line)]
    assert len(steady) > MIN_STEADY
    assert [line for line in steady if line not in printed] == []


MIN_STEADY = 30
# Times, rates, sizes, rows of statistics, the name that a job gets from its servers, what a killed run had done.
CHANGING = re.compile(r"\d (ms|s|MB|kB|B)\b|/s\b|knee$|job +helpdesk-to-|(streams|table) .*(begin|went)|steps made"
                      r"|of the rows$|desk\.\w+ [\d,]+ .*binary$")


def squeezed(line):
    return re.sub(r" +|-{2,}", " ", line).strip()

"""What the tests of interrupted `load --with-schema` share: a source with nearly every kind of object,
undisturbed and disturbed runs into fresh databases, and the judgement.

The judgement is always the same: after any disturbance the same command is repeated until it ends with
status 0, and then pg_dump -s of the destination, the rows of every table and the position of every
sequence are those of the run that nothing happened to; no index is invalid, and neither processes nor
sessions nor files are left behind.
"""

import contextlib
import os
import re
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg2

from . import compare, faults, sluice
from .lab import quote_ident

READER = "whole_reader"
PATIENCE = 120

SCHEMA = """
CREATE SCHEMA ws;
CREATE SCHEMA wv;
CREATE TYPE ws.mood AS ENUM ('calm', 'busy', 'it''s; late');
CREATE TYPE ws.size AS (width int, height int);
CREATE DOMAIN ws.positive AS int CHECK (value > 0);
CREATE SEQUENCE ws.ticket START 100 INCREMENT 5 CACHE 10;
CREATE SEQUENCE ws.down INCREMENT -1;
CREATE SEQUENCE ws.untouched START 7;
SELECT nextval('ws.ticket') FROM generate_series(1, 33);
SELECT nextval('ws.down') FROM generate_series(1, 5);
CREATE FUNCTION ws.twice(a int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 2 * a';
CREATE FUNCTION ws.mark() RETURNS trigger LANGUAGE plpgsql AS $$begin new.note := new.note || '!'; return new; end$$;
CREATE TABLE ws.country (code text PRIMARY KEY, name text NOT NULL UNIQUE);
CREATE TABLE ws.customer (
    id bigserial PRIMARY KEY,
    country text REFERENCES ws.country,
    email text,
    mood ws.mood DEFAULT 'calm',
    referrer bigint REFERENCES ws.customer,
    last_order bigint,
    ticket bigint DEFAULT nextval('ws.ticket'),
    UNIQUE (email),
    CHECK (length(email) > 3));
CREATE TABLE ws.orders (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id bigint NOT NULL REFERENCES ws.customer,
    amount numeric(12,2) CHECK (amount >= 0),
    note text,
    rank ws.positive,
    box ws.size,
    doubled int GENERATED ALWAYS AS (2 * length(note)) STORED);
ALTER TABLE ws.orders ADD CONSTRAINT orders_both UNIQUE (customer_id, id);
CREATE TABLE ws.item (customer_id bigint, order_id bigint, no int CHECK (no < 10), PRIMARY KEY (customer_id, order_id, no),
    FOREIGN KEY (customer_id, order_id) REFERENCES ws.orders (customer_id, id) ON DELETE CASCADE);
CREATE INDEX orders_customer ON ws.orders (customer_id);
CREATE INDEX orders_note ON ws.orders (lower(note)) WHERE amount > 5;
CREATE INDEX orders_amount ON ws.orders (amount DESC, id);
CREATE UNIQUE INDEX orders_pair ON ws.orders (customer_id, id) INCLUDE (amount);
CREATE TABLE ws.event (at int NOT NULL, id int NOT NULL, what jsonb, PRIMARY KEY (at, id)) PARTITION BY RANGE (at);
CREATE TABLE ws.event_1 PARTITION OF ws.event FOR VALUES FROM (0) TO (1000);
CREATE TABLE ws.event_2 PARTITION OF ws.event FOR VALUES FROM (1000) TO (2000);
CREATE TABLE ws.event_rest PARTITION OF ws.event DEFAULT;
CREATE INDEX event_id ON ws.event (id);
CREATE TABLE ws.keyless (a int, b text);
CREATE INDEX ON ws.keyless (a);
CREATE TABLE ws.nothing (id int PRIMARY KEY, parent int REFERENCES ws.nothing ON DELETE CASCADE);
CREATE TABLE ws.held (a int);
CREATE INDEX held_a ON ws.held (a);
CREATE STATISTICS ws.orders_stat ON customer_id, amount FROM ws.orders;
"""

FILL = """
INSERT INTO ws.country SELECT 'c' || n, 'country ' || n FROM generate_series(1, 40) n;
INSERT INTO ws.customer (country, email, mood, referrer)
    SELECT 'c' || 1 + n % 40, 'user' || n || '@example.org', (enum_range(NULL::ws.mood))[1 + n % 3], 1 + n / 2
      FROM generate_series(1, 20000) n;
INSERT INTO ws.orders (customer_id, amount, note, rank, box)
    SELECT 1 + n % 20000, n % 977 / 7.0, 'Note ' || md5(n::text), 1 + n % 9, ROW(n, -n)::ws.size
      FROM generate_series(1, 100000) n;
UPDATE ws.customer SET last_order = id WHERE id % 3 = 0;
INSERT INTO ws.item SELECT customer_id, id, k FROM ws.orders, generate_series(1, 2) k WHERE id <= 10000;
INSERT INTO ws.event SELECT n % 3000, n, jsonb_build_object('n', n) FROM generate_series(1, 20000) n;
INSERT INTO ws.held SELECT generate_series(1, 30);
INSERT INTO ws.keyless SELECT n % 100, repeat('x', n % 50) FROM generate_series(1, 10000) n;
"""

AFTERWARDS = """
ALTER TABLE ws.customer ADD CONSTRAINT customer_last_order FOREIGN KEY (last_order) REFERENCES ws.orders
    DEFERRABLE INITIALLY DEFERRED;
CREATE TRIGGER orders_mark BEFORE INSERT ON ws.orders FOR EACH ROW EXECUTE FUNCTION ws.mark();
CREATE VIEW wv.big AS SELECT id, customer_id, amount FROM ws.orders WHERE amount > 100;
CREATE VIEW wv.by_customer AS SELECT customer_id, count(*) AS n, ws.twice(count(*)::int) AS twice FROM wv.big GROUP BY 1;
CREATE MATERIALIZED VIEW wv.top AS SELECT * FROM wv.by_customer ORDER BY n DESC, customer_id LIMIT 500;
CREATE UNIQUE INDEX top_customer ON wv.top (customer_id);
CREATE VIEW wv.over_top AS SELECT max(n) AS n FROM wv.top;
CREATE RULE keyless_rule AS ON DELETE TO ws.keyless DO INSTEAD NOTHING;
ALTER TABLE ws.country ENABLE ROW LEVEL SECURITY;
CREATE POLICY all_of_it ON ws.country FOR SELECT USING (true);
COMMENT ON TABLE ws.orders IS 'What was ordered';
COMMENT ON COLUMN ws.orders.note IS 'It''s free text';
GRANT USAGE ON SCHEMA ws, wv TO whole_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA ws TO whole_reader;
GRANT SELECT ON wv.by_customer TO PUBLIC;
GRANT UPDATE (note) ON ws.orders TO whole_reader;
REVOKE EXECUTE ON FUNCTION ws.twice(int) FROM PUBLIC;
ALTER DEFAULT PRIVILEGES IN SCHEMA ws GRANT SELECT ON TABLES TO whole_reader;
ANALYZE;
"""

# What pg_dump does not tell: whether an index can be used.
INVALID = """
SELECT indexrelid::regclass::text FROM pg_index WHERE NOT (indisvalid AND indisready AND indislive)
"""
MODES = """
SELECT ROW(schema_name, table_name, table_status, table_type, distribution_key)::text
  FROM rds_aurora.limitless_tables WHERE schema_name <> 'sluice'
"""
SEQUENCES = """
SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind = 'S' AND n.nspname IN ('ws', 'wv', 'public') ORDER BY 1, 2
"""
MATERIALISED = """
SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind = 'm' ORDER BY 1, 2
"""
LEDGER = "SELECT to_regclass('sluice.schema_step') IS NOT NULL, to_regclass('sluice.chunk_done') IS NOT NULL"
STEPS = "SELECT count(*) FROM sluice.schema_step"
CHUNKS = "SELECT count(*) FROM sluice.chunk_done WHERE finished_at IS NOT NULL"


def unnumbered(text):
    """The simulator numbers a table's slices by a sequence, which leaves a gap after a crash."""
    return re.sub(r"_fs\d{5}", "_fs", text)


class State:
    """What a database is compared by."""

    def __init__(self, site, cluster, db, steps=True):
        self.schema = site.statements(cluster, db)
        self.rows = {(schema, unnumbered(name)): found
                     for (schema, name), found in compare.fingerprints(cluster, db).items()
                     if not schema.startswith(("rds_aurora", "sluice"))}
        self.materialised = {
            f"{schema}.{name}": cluster.query(db, f"SELECT t::text FROM {quote_ident(schema)}.{quote_ident(name)} t"
                                                  " ORDER BY 1")
            for schema, name in cluster.query(db, MATERIALISED)}
        self.sequences = positions(cluster, db)
        self.analyzed = cluster.query(db, "SELECT DISTINCT schemaname::text, tablename::text FROM pg_stats"
                                          " WHERE schemaname = 'ws' ORDER BY 1, 2")
        self.steps = cluster.query(db, "SELECT step, object FROM sluice.schema_step ORDER BY 1") if steps else None

    def differences(self, wanted):
        found = [f"missing: {s}" for s in wanted.schema if s not in self.schema]
        found += [f"more: {s}" for s in self.schema if s not in wanted.schema]
        if not found and self.schema != wanted.schema:
            found.append(f"{len(wanted.schema)} statements undisturbed, {len(self.schema)} here")
        for what in ("rows", "materialised", "sequences", "analyzed", "steps"):
            mine, theirs = getattr(self, what), getattr(wanted, what)
            if mine != theirs:
                found.append(f"{what}: undisturbed {theirs}, here {mine}")
        return found


def positions(cluster, db):
    """{sequence: (last_value, is_called)}; of what is there."""
    found = {}
    for schema, name in cluster.query(db, SEQUENCES):
        quoted = f"{quote_ident(schema)}.{quote_ident(name)}"
        try:
            found[f"{schema}.{name}"] = cluster.query(db, f"SELECT last_value, is_called FROM {quoted}")[0]
        except psycopg2.Error:  # it went meanwhile
            continue
    return found


class Site:
    """A filled source on a lab, and fresh destinations: a plain server's, or a shard group's."""

    def __init__(self, lab, group=None, options=()):
        self.lab, self.source = lab, lab.source
        self.group = group
        self.destination = group or lab.destination
        self.options = options
        self.db = "whole_source"
        self.tmp = Path(tempfile.mkdtemp(prefix="whole_"))
        self._count = 0
        self._calm = None
        for cluster in (self.source, self.destination):
            cluster.query("postgres", f"CREATE ROLE {READER} NOLOGIN")
        self.source.createdb(self.db)
        for text in (SCHEMA, FILL, AFTERWARDS):
            self.source.psql(self.db, text)

    def close(self):
        sluice.end_leftovers(self.lab.ports())
        for n in range(1, self._count + 1):
            self.drop(f"whole_{n}")
        self.source.dropdb(self.db)
        for cluster in (self.source, self.destination):
            cluster.drop_role(READER)
        self.tmp.rmdir()

    def new_destination(self):
        self._count += 1
        name = f"whole_{self._count}"
        self.destination.createdb(name)
        return name

    def drop(self, name):
        if not self.destination.running():
            self.destination.start()
        self.destination.dropdb(name)

    def statements(self, cluster, db):
        """What pg_dump -s says, without order and comments; the simulator's own and the ledger left out."""
        dsn = cluster.direct_dsn(db) if cluster is self.group else cluster.dsn(db)
        command = [str(self.lab.bindir / "pg_dump"), "--schema-only", "--exclude-schema=sluice",
                   "--exclude-schema=rds_aurora*", "-d", dsn]
        text = subprocess.run(command, capture_output=True, text=True, check=True, env=self.lab.client_env(),
                              timeout=PATIENCE).stdout
        lines = [line for line in text.split("\n") if not line.startswith(("--", "\\"))]
        text = "\n".join(lines)
        if cluster is self.group:
            modes = cluster.query(db, MODES)
            text += "".join(f"{row[0]};\n" for row in modes)
        return sorted(unnumbered(s.strip()) for s in re.split(r";\n", text) if s.strip())

    @property
    def calm(self):
        """A run that nothing happens to, made once: its State, seconds and counts."""
        if self._calm is None:
            with Round(self, None) as this:
                result = this.finish(runs_max=1)
                again = this.finish(runs_max=1)
                self._calm = Calm(this, result)
                assert this.state().differences(self._calm.state) == [], again
                this.assert_all_gone()
            print(f"undisturbed: {self._calm}")
        return self._calm


class Calm:
    """What an undisturbed run came to, and what it was made of."""

    def __init__(self, this, result):
        self.state = this.state()
        self.seconds = result.seconds
        first = "(SELECT min(finished_at) FROM sluice.chunk_done)"
        self.before = this.ledger(f"{STEPS} WHERE done_at < {first}")[0][0]
        self.after = this.ledger(f"{STEPS} WHERE done_at >= {first}")[0][0]
        self.chunks = this.ledger("SELECT count(*) FROM sluice.chunk_done")[0][0]
        assert min(self.before, self.after, self.chunks) > 5, str(self)

    def __str__(self):
        return f"{self.before} steps, {self.chunks} chunks, {self.after} steps in {self.seconds:.2f} s"

    def place(self, steps, chunks):
        """The part in which a run is that has done so much."""
        if steps < self.before:
            return "before"
        if chunks < self.chunks:
            return "rows"
        return "after" if steps < self.before + self.after else "done"


class Round:
    """Runs of one command into one fresh database."""

    def __init__(self, site, rng, through=None):
        self.site, self.rng = site, rng
        self.db = site.new_destination()
        self._through = through
        self._watch = None
        self._known = {}
        self._drawn = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        sluice.end_leftovers(self.site.lab.ports())
        self._unwatch()
        self.site.drop(self.db)
        for left in self.site.tmp.iterdir():
            left.unlink()

    # --- the command ---

    def start(self, *more):
        dsn = self._through(self.db) if self._through else self.site.destination.dsn(self.db)
        return sluice.start_load(
            "--source", self.site.source.dsn(self.site.db), "--destination", dsn, "--with-schema", "-j", "2",
            "--chunk-size", "512kB", "--progress", "none", *self.site.options, *more,
            env={"TMPDIR": str(self.site.tmp)})

    def finish(self, load=None, runs_max=5, restarted=False):
        """Waits for a run and repeats its command until it is done."""
        said = []
        for _ in range(runs_max):
            result = (load or self.start()).wait(PATIENCE)
            load = None
            said.append(result)
            if result.status not in (5, -signal.SIGKILL, -signal.SIGTERM):
                break
        assert said[-1].status == 0, said
        if not restarted:
            # A step and its note commit together, so that nobody finds what is not written down.
            assert not any("at the destination already" in r.text for r in said), said
        return said[-1]

    # --- how far it is ---

    def _unwatch(self):
        if self._watch:
            self._watch.close()
        self._watch = None

    def progress(self):
        """(steps, chunks) that are written down; zeros while there is nothing, None while the server is down."""
        return self._progress() or self._progress()

    def _progress(self):
        try:
            self._watch = self._watch or self.site.destination.connect(self.db)
            with self._watch.cursor() as cur:
                cur.execute(LEDGER)
                counts = [0, 0]
                for i, there in enumerate(cur.fetchone()):
                    if there:
                        cur.execute((STEPS, CHUNKS)[i])
                        counts[i] = cur.fetchone()[0]
                return tuple(counts)
        except psycopg2.Error:
            self._unwatch()
            return None

    def place(self):
        """The part that it is in, and how far."""
        found = self.progress()
        return (self.site.calm.place(*found) if found else "down"), found

    def reach(self, load, steps=0, chunks=0):
        """Waits until so much is written down, or the run has ended."""
        while load.running():
            found = self.progress()
            if found and found[0] >= steps and found[1] >= chunks:
                return
            time.sleep(0.002)

    def wait_for_moment(self, load, kind=None):
        """A random moment: after so many steps, after so many chunks, or after some time."""
        calm, rng = self.site.calm, self.rng
        kind = kind or rng.choice(("time", "before", "chunks", "after"))
        if kind == "time":
            end = load.started + rng.uniform(0, calm.seconds * 1.05)
            while load.running() and time.monotonic() < end:
                time.sleep(0.002)
            return kind
        if kind == "before":
            self.reach(load, steps=rng.randrange(1, calm.before + 1))
        elif kind == "chunks":
            self.reach(load, chunks=rng.randrange(calm.chunks + 1), steps=calm.before)
        else:
            self.reach(load, chunks=calm.chunks, steps=calm.before + rng.randrange(calm.after))
        time.sleep(rng.choice((0, 0, rng.uniform(0, 0.03))))
        return kind

    def waiting(self):
        """How many sessions of ours wait for a lock on the destination."""
        return len(faults.blocked_backends(self.site.destination, "sluice/schema"))

    @contextlib.contextmanager
    def held_index(self, load):
        """Within it one index of the part after cannot be built: its session waits."""
        self.reach(load, chunks=self.site.calm.chunks)
        conn = self.site.destination.connect(self.db)
        try:
            with conn.cursor() as cur:
                cur.execute("BEGIN; UPDATE ws.held SET a = a WHERE false")
            faults.wait_until(lambda: self.waiting() or not load.running(), "a session that waits")
            yield
        finally:
            conn.close()

    def disturb(self, load, number=signal.SIGKILL, kind=None):
        """Sends a signal at a random moment; gives the part it fell into."""
        if number != signal.SIGKILL:  # before it says a word it may not listen yet
            faults.wait_until(lambda: load.stderr() or not load.running(), "its first words")
        kind = self.wait_for_moment(load, kind)
        result = load.kill(number)
        place, found = self.place()
        place = place if result.status != 0 else "ended"
        print(f"signal {number} by {kind}: fell into {place} {found}, status {result.status}")
        self.sequences_only_go_forward()
        return place, result

    # --- the judgement ---

    def ledger(self, sql):
        return self.site.destination.query(self.db, sql)

    def state(self):
        return State(self.site, self.site.destination, self.db)

    def crash(self):
        """The destination's server, at once and without a checkpoint; then it comes back."""
        server = self.site.destination
        place, found = self.place()
        server.stop("immediate")
        time.sleep(self.rng.uniform(0, 0.5))
        server.start()
        print(f"crashed {place} {found}, then there were {self.place()[1]}")

    def draw(self, name, count=3):
        """Takes values from a sequence of the destination, as an application would that cannot wait."""
        self._drawn[name] = self.ledger(f"SELECT max(nextval('{name}')) FROM generate_series(1, {count})")[0][0]
        print(f"{name} gave {self._drawn[name]}")

    def _check_drawn(self, state, wanted):
        """What was drawn is not given out again; the other sequences are the undisturbed run's."""
        for name, value in self._drawn.items():
            assert self.ledger(f"SELECT nextval('{name}')")[0][0] > value, name
            state.sequences[name] = wanted.sequences[name]

    def sequences_only_go_forward(self):
        now = positions(self.site.destination, self.db)
        for name, (last, called) in now.items():
            was, was_called = self._known.get(name, (last, called))
            back = (last > was) if name.endswith("down") else (last < was)
            assert not back and (last != was or called >= was_called), f"{name}: {was} went to {last}"
        self._known = now

    def assert_as_undisturbed(self):
        self.sequences_only_go_forward()
        state, wanted = self.state(), self.site.calm.state
        self._check_drawn(state, wanted)
        found = state.differences(wanted)
        found += [f"invalid index: {row[0]}" for row in self.ledger(INVALID)]
        assert not found, "\n".join(found)
        assert self.ledger("SELECT count(*) FROM sluice.chunk c WHERE NOT EXISTS (SELECT 1 FROM sluice.chunk_done d"
                           " WHERE (d.job, d.table_no, d.chunk_no) = (c.job, c.table_no, c.chunk_no)"
                           " AND d.finished_at IS NOT NULL)") == [(0,)]
        self.assert_all_gone()

    def assert_all_gone(self):
        """No process, no session and no file of ours is left."""
        site = self.site
        faults.wait_until(lambda: not sluice.leftovers(site.lab.ports()), "the end of all processes")
        for cluster in (site.source, site.destination):
            for app in ("sluice%", "pg_dump"):
                faults.wait_until(lambda c=cluster, a=app: not c.backends(a),
                                  f"the end of {app} on {cluster.name}")
        assert os.listdir(site.tmp) == []

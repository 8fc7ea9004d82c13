"""What the fault tests share: data, traffic on the source, pinned snapshots, and the judgement.

The judgement is always the same: each table on the destination equals, row for row, the snapshot
that the ledger says it was read from. Traffic changes the source all the while, so the rows of that
snapshot can only be seen from inside it: Snapshots imports every snapshot that the ledger names, as
soon as it appears and while somebody still holds it, and keeps it open to the end of the round.
"""

import os
import random
import signal
import threading
import time

import psycopg2

from . import compare, sluice
from .lab import quote_literal
from .pair import Pair

SOAK = os.environ.get("SLUICE_SOAK") == "1"
MEGABYTES = int(os.environ.get("SLUICE_FAULT_MB", "100"))
# A job that has not ended by now hangs; nothing here should take a tenth of it.
PATIENCE = 180

# One of each kind that is cut differently: keyed, without a key, TOASTed, partitioned, tiny, empty.
SCHEMA = """
CREATE SCHEMA fault;
CREATE TABLE fault.account (id bigint PRIMARY KEY, balance numeric(12,2) NOT NULL, note text,
                            changed timestamptz NOT NULL DEFAULT now());
CREATE TABLE fault.entry (id uuid, account bigint, amount double precision, tags int[], memo text);
CREATE TABLE fault."Document" (id int PRIMARY KEY, body text);
ALTER TABLE fault."Document" ALTER body SET STORAGE EXTERNAL;
CREATE TABLE fault.event (at int NOT NULL, what jsonb) PARTITION BY RANGE (at);
CREATE TABLE fault.event_old PARTITION OF fault.event FOR VALUES FROM (MINVALUE) TO (1000);
CREATE TABLE fault.event_new PARTITION OF fault.event FOR VALUES FROM (1000) TO (MAXVALUE);
CREATE TABLE fault.tiny (id int PRIMARY KEY, word text);
CREATE TABLE fault.nothing (id int);
"""

# Without keys on the destination: a key would refuse the row that came twice and so hide the fault.
DESTINATION_SCHEMA = SCHEMA.replace(" PRIMARY KEY", " NOT NULL")

# Row counts for one megabyte or so of relation in all.
FILL = """
INSERT INTO fault.account SELECT n, n %% 1000, repeat(md5(n::text), 3)
  FROM generate_series(1, %(mb)s * 2200) n;
INSERT INTO fault.entry SELECT md5(n::text)::uuid, n, n / 7.0, ARRAY[n, -n], repeat(chr(97 + n %% 26), n %% 90)
  FROM generate_series(1, %(mb)s * 1600) n;
INSERT INTO fault."Document" SELECT n, (SELECT string_agg(md5((n * 1000 + k)::text), '')
  FROM generate_series(1, 280) k) FROM generate_series(1, %(mb)s * 20) n;
INSERT INTO fault.event SELECT n %% 2000, jsonb_build_object('n', n, 'text', md5(n::text))
  FROM generate_series(1, %(mb)s * 1500) n;
INSERT INTO fault.tiny SELECT n, 'word ' || n FROM generate_series(1, 10) n;
"""


def rounds(usual, soak):
    """Numbers of the rounds of one kind, for pytest.mark.parametrize."""
    return range(soak if SOAK else usual)


def new_rng():
    """A seeded generator; its seed is printed, and pytest shows it when the test fails."""
    seed = int(os.environ.get("SLUICE_SEED") or random.randrange(2**32))
    print(f"seed {seed}; SLUICE_SEED={seed} repeats it")
    return random.Random(seed)


def wait_until(condition, what, seconds=60):
    """Waits for a condition; that it never comes is a failure with a name."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"waited {seconds} s in vain for: {what}")


def fill(cluster, db, megabytes):
    """Creates the schema in db and fills it."""
    cluster.psql(db, SCHEMA)
    cluster.psql(db, FILL.replace("%%", "%").replace("%(mb)s", str(megabytes)), timeout=PATIENCE)
    cluster.psql(db, "ANALYZE")


def fingerprints(conn):
    """{(schema, name): (rows, hash)} of every plain table and leaf that conn's snapshot sees."""
    tables = compare.read_tables(conn).values()
    return {t.key: compare.fingerprint(conn, t, t.columns) for t in tables if t.kind == "r"}


def fingerprints_now(cluster, db):
    conn = compare.connect(cluster, db)
    try:
        return fingerprints(conn)
    finally:
        conn.close()


class Traffic:
    """A session that inserts, updates and deletes on the source until it is stopped."""

    STATEMENTS = (
        "UPDATE fault.account SET balance = balance + 1, changed = now() WHERE id % 997 = {n} % 997",
        "DELETE FROM fault.account WHERE id = {n}",
        "INSERT INTO fault.account VALUES ({n}, 0, 'new') ON CONFLICT (id) DO NOTHING",
        "INSERT INTO fault.entry SELECT NULL, {n}, 1, NULL, 'new' FROM generate_series(1, 20)",
        "DELETE FROM fault.entry WHERE ctid = ANY (ARRAY(SELECT ctid FROM fault.entry LIMIT 5))",
        "UPDATE fault.\"Document\" SET body = body || 'more' WHERE id = {n} % 500",
        "INSERT INTO fault.event VALUES ({n} % 2000, '\"new\"')",
        "UPDATE fault.tiny SET word = 'word {n}' WHERE id = {n} % 10",
        "INSERT INTO fault.nothing VALUES ({n})",
    )

    def __init__(self, cluster, db, rng):
        self._cluster = cluster
        self._db = db
        self._rng = random.Random(rng.random())
        self._stop = threading.Event()
        self.statements = 0
        self._thread = threading.Thread(target=self._run, name="traffic", daemon=True)

    def __enter__(self):
        self._thread.start()
        wait_until(lambda: self.statements > 0, "the first statement of the traffic")
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join(60)

    def _run(self):
        conn = None
        while not self._stop.is_set():
            try:
                conn = conn or self._cluster.connect(self._db)
                with conn.cursor() as cur:
                    statement = self._rng.choice(self.STATEMENTS)
                    cur.execute(statement.replace("{n}", str(self._rng.randrange(200000))))
                self.statements += 1
            except psycopg2.Error:  # the source is being restarted
                conn = None
            self._stop.wait(0.004)
        if conn:
            conn.close()


class Snapshots:
    """Imports every snapshot that a job's ledger names, for as long as the object is open."""

    def __init__(self, source, source_db, destination, destination_db, job):
        self._source, self._source_db = source, source_db
        self._destination, self._destination_db = destination, destination_db
        self._job = job
        self._stop = threading.Event()
        self._pinned = {}  # pg_current_snapshot -> connection
        self._known = {}  # pg_current_snapshot -> fingerprints
        self._thread = threading.Thread(target=self._run, name="snapshots", daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join(60)
        for conn in self._pinned.values():
            conn.close()

    def pinned(self):
        return len(self._pinned)

    def fingerprints(self, visible):
        """What the snapshot with this pg_current_snapshot contains; None if it was never seen."""
        if visible not in self._known and visible in self._pinned:
            self._known[visible] = fingerprints(self._pinned[visible])
        return self._known.get(visible)

    def remember(self):
        """Reads all that is pinned now, before the source forgets it."""
        for visible in list(self._pinned):
            self.fingerprints(visible)

    def _run(self):
        conn = None
        while not self._stop.is_set():
            try:
                conn = conn or self._destination.connect(self._destination_db)
                for snapshot_id, visible in self._named(conn):
                    if visible not in self._pinned:
                        self._pin(snapshot_id, visible)
            except psycopg2.Error:  # the destination is down just now
                conn = None
            self._stop.wait(0.01)
        if conn:
            conn.close()

    def _named(self, conn):
        with conn.cursor() as cur:
            cur.execute("SELECT to_regclass('sluice.snapshot') IS NOT NULL")
            if not cur.fetchone()[0]:
                return []
            cur.execute("SELECT snapshot_id, visible FROM sluice.snapshot WHERE job = %s", (self._job,))
            return cur.fetchall()

    def _pin(self, snapshot_id, visible):
        try:
            conn = compare.connect(self._source, self._source_db, snapshot_id)
        except psycopg2.Error:  # its loader died before it had a holder, or the source is down
            return
        with conn.cursor() as cur:
            cur.execute("SELECT pg_current_snapshot()::text")
            # After a restart the same id can name another snapshot.
            if cur.fetchone()[0] == visible:
                self._pinned[visible] = conn
            else:
                conn.close()


class Round:
    """One load into a fresh destination, with traffic on the source and its snapshots pinned."""

    def __init__(self, site, rng, traffic=True, options=()):
        self.site, self.rng = site, rng
        self.source, self.destination = site.source, site.destination
        self.db = site.new_destination()
        self.job = self.db
        self.options = options
        self.snapshots = Snapshots(site.source, site.db, site.destination, self.db, self.job)
        self.traffic = Traffic(site.source, site.db, rng) if traffic else None

    def __enter__(self):
        self.snapshots.__enter__()
        if self.traffic:
            self.traffic.__enter__()
        return self

    def __exit__(self, *_):
        if self.traffic:
            self.traffic.__exit__()
        self.snapshots.__exit__()
        sluice.end_leftovers(self.site.lab.ports())
        self.site.drop(self.db)

    def command(self, *more):
        return ("--source", self.source.dsn(self.site.db), "--destination",
                self.destination.dsn(self.db), "-n", "fault", "-j", "2", "--chunk-size", "1MB",
                "--progress", "none", "--job", self.job, *self.options, *more)

    def start(self, *more):
        return sluice.start_load(*self.command(*more))

    def finish(self, load=None, runs_max=4):
        """Waits for a load and repeats its command until it is done; the statuses on the way."""
        statuses, result = [], None
        for _ in range(runs_max):
            result = (load or self.start()).wait(PATIENCE)
            load = None
            statuses.append(result.status)
            if result.status != 5 and result.status != -signal.SIGKILL:
                break
        assert result.status == 0, f"statuses {statuses}; the last: {result}"
        return result

    def ledger(self, sql):
        return self.destination.query(self.db, sql.replace("$job", quote_literal(self.job)))

    def chunks_done(self):
        if self.ledger("SELECT to_regclass('sluice.chunk_done') IS NULL") == [(True,)]:
            return 0
        return self.ledger("SELECT count(*) FROM sluice.chunk_done"
                           " WHERE job = $job AND finished_at IS NOT NULL")[0][0]

    def assert_exact(self):
        """Every table equals its snapshot, the ledger agrees with the rows, and nothing is left."""
        there = fingerprints_now(self.destination, self.db)
        tables = self.ledger(
            "SELECT t.source_schema, t.source_name, s.visible, (SELECT coalesce(sum(d.rows), 0)"
            " FROM sluice.chunk_done d WHERE d.job = t.job AND d.table_no = t.table_no)"
            " FROM sluice.job_table t JOIN sluice.snapshot s USING (job, snapshot_no)"
            " WHERE t.job = $job")
        problems = []
        for schema, name, visible, rows_in_ledger in tables:
            wanted = self.snapshots.fingerprints(visible)
            assert wanted is not None, f"snapshot {visible} of {schema}.{name} was never pinned"
            problems += judge(f"{schema}.{name}", wanted[schema, name], there[schema, name],
                              rows_in_ledger)
        assert problems == []
        names = sorted((schema, name) for schema, name, _, _ in tables)
        assert names == sorted(key for key in there if key[0] == "fault")
        undone = ("SELECT table_no, chunk_no FROM sluice.chunk WHERE job = $job EXCEPT"
                  " SELECT table_no, chunk_no FROM sluice.chunk_done"
                  " WHERE job = $job AND finished_at IS NOT NULL")
        assert self.ledger(undone) == []

    def assert_all_gone(self):
        """No process of ours and no session on either server is left behind."""
        wait_until(lambda: not sluice.leftovers(self.site.lab.ports()), "the end of all processes")
        for cluster in (self.source, self.destination):
            wait_until(lambda c=cluster: not c.backends("sluice/%"), f"the end of {cluster.name}'s sessions")


def judge(label, wanted, found, rows_in_ledger):
    """The differences of one table, as sentences."""
    problems = []
    if wanted[0] != found[0]:
        problems.append(f"{label}: {wanted[0]} rows in the snapshot, {found[0]} on the destination")
    elif wanted != found:
        problems.append(f"{label}: {wanted[0]} rows on both sides, but their contents differ")
    if rows_in_ledger != found[0]:
        problems.append(f"{label}: the ledger says {rows_in_ledger} rows, there are {found[0]}")
    return problems


class Site:
    """A filled source database, and a destination template to make fresh destinations from."""

    TEMPLATE = "fault_empty"

    def __init__(self, lab, megabytes=MEGABYTES):
        self.lab = lab
        self.source, self.destination = lab.source, lab.destination
        self.db = "fault_source"
        self._count = 0
        self._seconds = None
        self.source.createdb(self.db)
        fill(self.source, self.db, megabytes)
        self.destination.createdb(self.TEMPLATE)
        self.destination.psql(self.TEMPLATE, DESTINATION_SCHEMA)

    def new_destination(self):
        self._count += 1
        name = f"fault_{self._count}"
        self.destination.createdb(name, template=self.TEMPLATE)
        return name

    def drop(self, name):
        if not self.destination.running():
            self.destination.start()
        self.destination.dropdb(name)

    def undisturbed_seconds(self):
        """How long a load takes that nothing happens to, measured once; moments are drawn from it."""
        if self._seconds is None:
            with Round(self, random.Random(0)) as calm:
                result = calm.finish(runs_max=1)
                calm.assert_exact()
                calm.assert_all_gone()
            self._seconds = result.seconds
            print(f"an undisturbed load takes {self._seconds:.2f} s")
        return self._seconds


# --- small pairs, for tests that look at one moment ---


def small_pair(lab, megabytes=8):
    """A Pair with the same tables, small."""
    pair = Pair(lab)
    fill(pair.source, pair.source_db, megabytes)
    pair.dst(DESTINATION_SCHEMA)
    return pair


SMALL_OPTIONS = ("-n", "fault", "-j", "2", "--chunk-size", "256kB", "--progress", "none")


def through(lab, proxy, cluster, db):
    """A connection string to db through the proxy, which has its own line in the password file."""
    lab.add_password(proxy.port, cluster.superuser, lab.password)
    return proxy.uri(cluster.uri(db))


def chunks_of(pair, job):
    """(chunks planned, chunks done) of a job."""
    return pair.destination.query(
        pair.destination_db,
        "SELECT (SELECT count(*) FROM sluice.chunk WHERE job = %(job)s),"
        " (SELECT count(*) FROM sluice.chunk_done WHERE job = %(job)s AND finished_at IS NOT NULL)",
        {"job": job})[0]


def blocked_backends(cluster, app="sluice/%"):
    """Sessions that wait for a lock of another one."""
    return [row for row in cluster.backends(app) if row["wait_event_type"] == "Lock"]

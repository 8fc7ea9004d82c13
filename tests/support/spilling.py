"""What the tests of spilled rows share: a destination that takes rows only when it is told to, a
directory for the rows that wait meanwhile, and the judgement at the end."""

import shutil

from . import faults, sluice

SPILL_MEMORY = "16MB"

# Statement triggers run once a COPY, before its first row. The gate is shut while somebody holds the
# advisory lock exclusively; take_time sleeps as long as the table pace says.
GATE = """
CREATE SCHEMA lab;
CREATE TABLE lab.pace (seconds float8, odds float8);
INSERT INTO lab.pace VALUES (0, 0);
CREATE SEQUENCE lab.turns; -- no transaction takes a turn back: with odds of a third every third one fails
CREATE FUNCTION lab.pass() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE p lab.pace;
BEGIN
  PERFORM pg_advisory_xact_lock_shared(4711);
  SELECT * INTO p FROM lab.pace;
  PERFORM pg_sleep(p.seconds * random());
  IF p.odds > 0 AND nextval('lab.turns') % greatest(2, round(1 / p.odds))::bigint = 0 THEN
    RAISE EXCEPTION 'the lab says no' USING ERRCODE = '40001';
  END IF;
  RETURN NULL;
END $$;
DO $$
DECLARE r record;
BEGIN
  FOR r IN SELECT c.oid::regclass AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE n.nspname = 'fault' AND c.relkind IN ('r', 'p') LOOP
    EXECUTE format('CREATE TRIGGER gate BEFORE INSERT ON %s EXECUTE FUNCTION lab.pass()', r.name);
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER gate', r.name);
  END LOOP;
END $$;
"""

SEQUENCE = """
CREATE SEQUENCE fault.numbers OWNED BY fault.account.id;
ALTER TABLE fault.account ALTER id SET DEFAULT nextval('fault.numbers');
SELECT setval('fault.numbers', {});
"""


class SpillSite:
    """Templates of both databases, so that each test can have its own source to spoil."""

    SOURCE, DESTINATION = "spill_source", "spill_destination"

    def __init__(self, lab, megabytes):
        self.lab = lab
        self.source, self.destination = lab.source, lab.destination
        self.count = 0
        self.whole_s = None
        self.source.createdb(self.SOURCE)
        faults.fill(self.source, self.SOURCE, megabytes)
        self.source.psql(self.SOURCE, SEQUENCE.format(777))
        self.destination.createdb(self.DESTINATION)
        self.destination.psql(self.DESTINATION, faults.DESTINATION_SCHEMA + SEQUENCE.format(1) + GATE)
        self.rows = faults.fingerprints_now(self.source, self.SOURCE)

    def job(self, tmp_path, **how):
        return SpillJob(self, tmp_path, **how)


class SpillJob:
    """One load between databases of its own, with a directory for what waits. A context manager."""

    def __init__(self, site, tmp_path, early=True, source_db=None):
        site.count += 1
        self.site, self.lab = site, site.lab
        self.source, self.destination = site.source, site.destination
        self.source_db, self.own_source = source_db or f"spill_s{site.count}", source_db is None
        self.db = f"spill_d{site.count}"
        self.rows = site.rows
        self.dir = tmp_path / "spill"
        self.dir.mkdir(exist_ok=True)
        self.key = tmp_path / "spill.key"
        self.spills = True
        self.early = ("--release-source", "early", "--spill-key-file", self.key) if early else ()
        self._gate = None

    def __enter__(self):
        for cluster in (self.source, self.destination):
            if not cluster.running():
                cluster.start()
        if self.own_source:
            self.source.createdb(self.source_db, template=self.site.SOURCE)
        self.destination.createdb(self.db, template=self.site.DESTINATION)
        return self

    def __exit__(self, *_):
        self.open_gate()
        for cluster in (self.source, self.destination):
            if not cluster.running():
                cluster.start()
        sluice.end_leftovers(self.lab.ports())
        if self.own_source:
            self.source.dropdb(self.source_db)
        self.destination.dropdb(self.db)

    # --- the destination's pace ---

    def shut_gate(self):
        self._gate = self.destination.connect(self.db)
        with self._gate.cursor() as cur:
            cur.execute("SELECT pg_advisory_lock(4711)")

    def open_gate(self):
        if self._gate is not None:
            self._gate.close()
        self._gate = None

    def pace(self, seconds, odds=0):
        """Each COPY sleeps up to so long, and fails as a serialization failure with these odds."""
        self.destination.query(self.db, "UPDATE lab.pace SET seconds = %s, odds = %s", (seconds, odds))

    # --- the loader ---

    def command(self, *more):
        """Later options win, so that a test can change --memory and --jobs."""
        given = {"-j": "2", "--memory": SPILL_MEMORY, "--chunk-size": "1MB", "--progress": "json"}
        rest = list(more)
        for name in list(given):
            if name in rest:
                at = rest.index(name)
                given[name] = rest[at + 1]
                del rest[at:at + 2]
        words = [word for pair in given.items() for word in pair]
        return ("--source", self.source.dsn(self.source_db), "--destination",
                self.destination.dsn(self.db), "-n", "fault", *words,
                *(("--spill-dir", self.dir) if self.spills else ()), *self.early, *rest)

    def start(self, *more):
        return sluice.start_load(*self.command(*more))

    def run(self, *more, timeout=faults.PATIENCE):
        return sluice.run_load(*self.command(*more), timeout=timeout)

    # --- what is on disk ---

    def files(self):
        return sorted(path.name for path in self.dir.iterdir())

    def manifest(self):
        """The manifest's path, None while there is none."""
        return next(iter(self.dir.glob("*.manifest")), None)

    def data(self):
        return next(iter(self.dir.glob("*.spill")), None)

    def keep_copy(self, place):
        shutil.copytree(self.dir, place)

    def put_back(self, place):
        for path in place.iterdir():
            shutil.copy2(path, self.dir / path.name)

    def kill(self, load):
        """SIGKILL, and an end of what waits at the gate for nobody."""
        result = load.kill()
        for row in self.destination.backends("sluice%"):
            self.destination.query("postgres", "SELECT pg_terminate_backend(%s)", (row["pid"],))
        return result

    def released(self, load=None):
        """Waits until everything is read and safe, and the source's sessions are gone."""
        faults.wait_until(lambda: self.manifest() or (load and not load.running()), "the manifest")
        assert load is None or load.running(), load.wait()
        faults.wait_until(lambda: not self.source.backends("sluice%"), "the end of the source's sessions")

    # --- judging ---

    def ledger(self, sql):
        return self.destination.query(self.db, sql)

    def assert_exact(self, rows=None):
        there = faults.fingerprints_now(self.destination, self.db)
        mine = {key: value for key, value in there.items() if key[0] == "fault"}
        wanted = {key: value for key, value in (rows or self.rows).items() if key[0] == "fault"}
        wrong = {key[1]: (wanted.get(key), mine.get(key)) for key in wanted | mine
                 if wanted.get(key) != mine.get(key)}
        assert not wrong, f"(rows, hash) on the source and on the destination: {wrong}"
        undone = ("SELECT table_no, chunk_no FROM sluice.chunk EXCEPT SELECT table_no, chunk_no"
                  " FROM sluice.chunk_done WHERE finished_at IS NOT NULL")
        assert self.ledger(undone) == [], "chunks are missing in the ledger"
        counted = self.ledger("SELECT sum(rows) FROM sluice.chunk_done")[0][0]
        assert counted == sum(n for n, _ in mine.values()), f"the ledger counts {counted} rows"

    def assert_done(self, result, rows=None):
        """Status 0, the rows exact, sequences moved, nothing left in the directory or running."""
        assert result.status == 0, result
        self.assert_exact(rows)
        position = self.ledger("SELECT last_value FROM fault.numbers")[0][0]
        assert position == 777, f"the sequence is at {position}"
        assert self.files() == [], f"left on disk: {self.files()}"
        faults.wait_until(lambda: not sluice.leftovers(self.lab.ports()), "the end of all processes")
        for cluster in filter(lambda c: c.running(), (self.source, self.destination)):
            faults.wait_until(lambda c=cluster: not c.backends("sluice%"), "the end of all sessions")

"""What the tests of loads with AWS credentials have in common: rows, and a destination that takes its
time, so that a test has something to break into."""

from . import compare

TABLE = """
CREATE TABLE big (id int PRIMARY KEY, grp int NOT NULL, body text NOT NULL);
CREATE TABLE small (id int PRIMARY KEY, odd text);
"""

FILL = """
INSERT INTO big SELECT i, i %% 7, repeat(chr(97 + i %% 26), 200) FROM generate_series(1, %d) i;
INSERT INTO small SELECT i, E'\\\\t\\'"\\u00e9' || i FROM generate_series(1, 100) i;
"""

# A statement trigger runs once a COPY, so a transaction takes as long as it says, whatever the
# machine; a row trigger makes it take longer the more chunks are in it.
SLOW = """
CREATE FUNCTION take_time() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN PERFORM pg_sleep(%s); RETURN NEW; END $$;
CREATE TRIGGER take_time BEFORE INSERT ON big %s EXECUTE FUNCTION take_time();
ALTER TABLE big ENABLE ALWAYS TRIGGER take_time;
"""


def fill(pair, rows=20000):
    """Tables on both sides, rows on the source."""
    pair.both(TABLE)
    pair.src(FILL % rows)


def slow_down(pair, seconds):
    pair.dst(SLOW % (seconds, ""))


def slow_rows(pair, seconds_per_1000):
    pair.dst(SLOW % (seconds_per_1000 / 1000, "FOR EACH ROW"))


def assert_exact(pair):
    outcomes = compare.compare_tables(pair.source, pair.source_db, pair.destination,
                                      pair.destination_db)
    wrong = [f"{o.label}: {o.problem}" for o in outcomes if not o.equal]
    assert len(outcomes) == 2 and not wrong, wrong
    assert all(o.source[0] > 0 for o in outcomes)


def cut(cluster, like):
    """Ends the sessions whose application_name is like this; gives how many."""
    pids = [b["pid"] for b in cluster.backends(like)]
    for pid in pids:
        cluster.query("postgres", f"SELECT pg_terminate_backend({pid})")
    return len(pids)

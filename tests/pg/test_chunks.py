"""Tables that are hard to cut, by TID and by key, with small and large chunks: exact counts."""

import pytest

pytestmark = pytest.mark.usefixtures("loader")

# About 1 to 3 MB each, so that 64 kB means dozens of chunks.
TABLES = {
    "negative": "CREATE TABLE negative (id int PRIMARY KEY, v text);"
                "INSERT INTO negative SELECT i, 'value of ' || i FROM generate_series(-10000, 9999) i",
    "extremes": "CREATE TABLE extremes (id bigint PRIMARY KEY, v text);"
                "INSERT INTO extremes SELECT i * 1000003::bigint, repeat('e', 40) FROM generate_series(-9000, 9000) i;"
                "INSERT INTO extremes VALUES (9223372036854775807, 'max'), (-9223372036854775808, 'min')",
    "outlier": "CREATE TABLE outlier (id bigint PRIMARY KEY, v text);"
               "INSERT INTO outlier SELECT i, repeat('o', 40) FROM generate_series(1, 20000) i;"
               "INSERT INTO outlier VALUES (9000000000000000000, 'far away')",
    "keyless": "CREATE TABLE keyless (v int, w text);"
               "INSERT INTO keyless SELECT i % 100, repeat('k', 30) FROM generate_series(1, 20000) i",
    "bloated": "CREATE TABLE bloated (id int PRIMARY KEY, v text);"
               "INSERT INTO bloated SELECT i, repeat('b', 60) FROM generate_series(1, 40000) i;"
               "DELETE FROM bloated WHERE id % 50 <> 0;"
               "UPDATE bloated SET v = v || '!' WHERE id % 100 = 0; VACUUM bloated;"
               "INSERT INTO bloated SELECT -i, 'late' FROM generate_series(1, 100) i",
    "toasted": "CREATE TABLE toasted (id int PRIMARY KEY, v text);"
               "ALTER TABLE toasted ALTER v SET STORAGE EXTERNAL;"
               "INSERT INTO toasted SELECT i, repeat(md5(i::text), 300) FROM generate_series(1, 200) i;"
               "INSERT INTO toasted SELECT i, 'short' FROM generate_series(1000, 4000) i",
    "one_value": "CREATE TABLE one_value (k int NOT NULL, v text); CREATE INDEX ON one_value (k);"
                 "INSERT INTO one_value SELECT 7, repeat('s', 40) FROM generate_series(1, 20000)",
    "nulls": "CREATE TABLE nulls (k int UNIQUE, v text);"
             "INSERT INTO nulls SELECT CASE WHEN i % 3 <> 0 THEN i END, repeat('n', 40)"
             " FROM generate_series(1, 20000) i",
    "empty": "CREATE TABLE empty (id int PRIMARY KEY)",
    "by_text": "CREATE TABLE by_text (k text PRIMARY KEY, v int);"
               "INSERT INTO by_text SELECT 'it''s \\ ' || md5(i::text) || E'\\n', i FROM generate_series(1, 20000) i",
    "by_uuid": "CREATE TABLE by_uuid (k uuid PRIMARY KEY, v int);"
               "INSERT INTO by_uuid SELECT md5(i::text)::uuid, i FROM generate_series(1, 20000) i",
    "composite": "CREATE TABLE composite (a int, b text, c date, PRIMARY KEY (a, b, c));"
                 "INSERT INTO composite SELECT i % 10, 'b' || i % 7, date '2000-01-01' + i"
                 " FROM generate_series(1, 20000) i",
    "by_time": "CREATE TABLE by_time (k timestamptz PRIMARY KEY, v int); INSERT INTO by_time"
               " SELECT timestamptz '2024-03-31Z' + i * interval '7.5 min', i FROM generate_series(1, 20000) i;"
               " INSERT INTO by_time VALUES ('infinity', 1), ('-infinity', 2), ('4713-01-01 BC', 3)",
    "by_numeric": "CREATE TABLE by_numeric (k numeric PRIMARY KEY, v int); INSERT INTO by_numeric"
                  " SELECT i / 7.0, i FROM generate_series(-10000, 10000) i;"
                  " INSERT INTO by_numeric VALUES ('NaN', 1), ('Infinity', 2), ('-Infinity', 3), (1e100, 4)",
    "by_float": "CREATE TABLE by_float (k float8 PRIMARY KEY, v int); INSERT INTO by_float"
                " SELECT i / 7.0, i FROM generate_series(-10000, 10000) i;"
                " INSERT INTO by_float VALUES ('NaN', 1), ('Infinity', 2), ('-Infinity', 3), (1e-300, 4)",
}


@pytest.fixture(scope="module")
def hard_tables(lab):
    from support.pair import Pair

    pair = Pair(lab)
    pair.src(";\n".join(TABLES.values()))
    pair.src("ANALYZE")
    pair.copy_schema()
    yield pair
    pair.close()


@pytest.mark.parametrize("by", ["tid", "key", "auto"])
@pytest.mark.parametrize("chunk", ["64kB", "256kB", "1GB"])
def test_exact_with_every_chunk_size(hard_tables, by, chunk):
    result = hard_tables.load("--chunk-by", by, "--chunk-size", chunk, "--mode", "truncate", "--restart")
    assert result.status == 0, result
    assert hard_tables.differences() == []


@pytest.mark.parametrize("by, tables", [
    ("tid", ("negative", "keyless", "outlier", "bloated")),
    ("key", ("negative", "extremes", "outlier", "by_text", "by_uuid", "composite", "by_time", "by_numeric")),
])
def test_small_chunks_are_many(hard_tables, by, tables):
    """The matrix above would prove nothing if every table stayed whole."""
    result = hard_tables.load("--chunk-by", by, "--chunk-size", "64kB", "--mode", "truncate", "--restart")
    assert result.status == 0, result
    counts = dict(row.split("|") for row in hard_tables.dst(
        "SELECT source_name, count(*) FROM sluice.chunk JOIN sluice.job_table USING (job, table_no)"
        " GROUP BY 1").splitlines())
    few = {t: counts.get(t) for t in tables if int(counts.get(t, 0)) < 4}
    assert not few, counts


def test_a_toasted_tables_chunks_follow_its_bytes(hard_tables):
    """Nearly all bytes of "toasted" are out of line: its heap alone would be cut in two or three."""
    result = hard_tables.load("-t", "toasted", "--chunk-by", "tid", "--chunk-size", "256kB",
                              "--mode", "truncate", "--job", "toast", "--restart")
    assert result.status == 0, result
    count = hard_tables.dst("SELECT count(*) FROM sluice.chunk WHERE job = 'toast'")
    assert int(count) >= 5

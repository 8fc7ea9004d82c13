"""Published sample databases, in every combination of streams, chunk sizes and formats."""

import itertools

import pytest

MATRIX = list(itertools.product(("1", "8"), ("1MB", "256MB"), ("auto", "text")))
pytestmark = pytest.mark.usefixtures("loader")


def pagila(data, cluster, db):
    for name in ("pagila-schema.sql", "pagila-schema-jsonb.sql", "pagila-data.sql"):
        cluster.psql_file(db, data / name)


def chinook(data, cluster, db):
    cluster.psql_file(db, data / "chinook_nodb.sql")


SAMPLES = {"pagila-3.1.0": (pagila, 15), "chinook": (chinook, 11)}


@pytest.fixture(params=SAMPLES)
def sample(request, pair, sample_data):
    data = sample_data(request.param)
    fill, tables = SAMPLES[request.param]
    fill(data, pair.source, pair.source_db)
    count = pair.src("SELECT count(*) FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = "
                     "'public'::regnamespace")
    assert int(count) >= tables, "the sample did not load whole"
    pair.copy_schema()
    return pair


def test_every_table_equal_in_every_way(sample):
    """One job after the other in the same pair: TRUNCATE and --restart make each start anew."""
    for jobs, chunk, fmt in MATRIX:
        result = sample.load("-j", jobs, "--chunk-size", chunk, "--format", fmt,
                             "--mode", "truncate", "--restart")
        case = f"-j {jobs} --chunk-size {chunk} --format {fmt}"
        assert result.status == 0, (case, result)
        assert sample.differences() == [], case

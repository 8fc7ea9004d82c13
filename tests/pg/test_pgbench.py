"""pgbench's database: few tables, one of them with nearly all of the rows."""

import itertools
import subprocess

import pytest

pytestmark = pytest.mark.usefixtures("loader")

MATRIX = list(itertools.product(("1", "8"), ("1MB", "256MB"), ("auto", "text")))


@pytest.fixture
def pgbench(pair, big):
    scale = "50" if big else "5"
    subprocess.run([str(pair.lab.bindir / "pgbench"), "-i", "-q", "-s", scale, pair.source_dsn],
                   env=pair.lab.client_env(), capture_output=True, check=True, timeout=300)
    pair.copy_schema()
    return pair


def test_every_table_equal_in_every_way(pgbench):
    for jobs, chunk, fmt in MATRIX:
        result = pgbench.load("-j", jobs, "--chunk-size", chunk, "--format", fmt,
                              "--mode", "truncate", "--restart")
        case = f"-j {jobs} --chunk-size {chunk} --format {fmt}"
        assert result.status == 0, (case, result)
        assert pgbench.differences() == [], case

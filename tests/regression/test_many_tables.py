"""3,000 tables with foreign keys, indexes, sequences and views: assessed and written, and nothing forgotten."""

import json

import catalog_counts
import pytest

from support import sluice


def run(subcommand, *args):
    result = sluice.run_load(*args, subcommand=subcommand, timeout=300)
    assert result.status == 0, result
    return result


@pytest.fixture(scope="module")
def job_file(lab, many, tmp_path_factory):
    path = tmp_path_factory.mktemp("many") / "job.yaml"
    run("assess", "--source", lab.source.dsn(many), "--out", path)
    return path


def test_assess(lab, many):
    result = run("assess", "--source", lab.source.dsn(many), "--json")
    got = json.loads(result.out)
    tops = lab.source.query(many, f"SELECT count(*) {catalog_counts.relations('rp', 'NOT o.relispartition')}")
    assert len(got["tables"]) == int(tops[0][0])
    assert len(got["foreign_keys"]) == catalog_counts.count(lab.source, many)["FK CONSTRAINT"]
    sharded = [t for t in got["tables"] if t["mode"] == "sharded"]
    assert sharded and {t["shard_key"] for t in sharded} == {"tenant_id"}


@pytest.mark.parametrize("kind", ["destination", "group"])
def test_emit(lab, many, make_database, job_file, tmp_path, kind):
    cluster = lab.clusters[kind]
    options = ("--config", job_file) if kind == "group" else ()
    ends = ("--source", lab.source.dsn(many), "--destination", cluster.dsn(make_database(cluster)), *options)
    result = run("schema", *ends, "--emit", tmp_path / "sql", "--json")
    told = json.loads(result.out)
    counted = catalog_counts.count(lab.source, many)
    assert {k: sum(o["type"] == k for o in told["objects"]) for k in counted} == counted
    text = (tmp_path / "sql" / "before.sql").read_text(encoding="utf-8")
    left = sum(o["type"] == "TABLE" and o["mark"] == "left out" for o in told["objects"])
    assert text.count("\nCREATE TABLE ") == counted["TABLE"] - left

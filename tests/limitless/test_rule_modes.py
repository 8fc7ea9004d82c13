"""What rules wish of tables that the shard group has already: mode, shard key and collocation."""

import pytest

pytestmark = pytest.mark.usefixtures("loader")

SOURCE = "CREATE TABLE a (k int, v text); CREATE TABLE b (k int, v text); INSERT INTO a SELECT i, 'v' FROM generate_series(1, 50) i;" \
         "INSERT INTO b SELECT i, 'v' FROM generate_series(1, 50) i"


def sharded(name, collocate_with=""):
    return (f"SET rds_aurora.limitless_create_table_mode = 'sharded'; SET rds_aurora.limitless_create_table_shard_key = '{{\"k\"}}';"
            f"SET rds_aurora.limitless_create_table_collocate_with = '{collocate_with}';"
            f"CREATE TABLE {name} (k int, v text);")


def load(pair, tmp_path, rules, *options):
    path = tmp_path / "job.yaml"
    path.write_text("version: 1\ntables:\n" + rules, encoding="utf-8")
    return pair.load("--config", str(path), *options)


RULES = "  a: {mode: sharded, shard-key: [k]}\n  b: {mode: sharded, shard-key: [k], collocate-with: public.a}\n"


def test_tables_that_are_collocated_as_wished(group_pair, tmp_path):
    group_pair.src(SOURCE)
    group_pair.dst(sharded("a"))
    group_pair.dst(sharded("b", "a"))
    result = load(group_pair, tmp_path, RULES)
    assert result.status == 0, result
    assert not group_pair.differences()


def test_tables_that_are_not_collocated_are_refused(group_pair, tmp_path):
    group_pair.src(SOURCE)
    group_pair.dst(sharded("a"))
    group_pair.dst(sharded("b"))
    for more in ((), ("--create-tables",)):
        result = load(group_pair, tmp_path, RULES, *more)
        assert result.status == 2, result
        assert "job.yaml:4: table public.b is to be collocated with public.a, and on the destination it is not" in result.text, result
    assert group_pair.dst("SELECT count(*) FROM b") == "0"


def test_a_collocation_with_a_table_that_is_not_there(group_pair, tmp_path):
    group_pair.src(SOURCE)
    group_pair.dst(sharded("a"))
    group_pair.dst(sharded("b", "a"))
    result = load(group_pair, tmp_path, RULES.replace("public.a", "public.nobody"))
    assert result.status == 2 and "job.yaml:4: table public.b is to be collocated with public.nobody" in result.text, result


TENANTS = "CREATE SCHEMA x; CREATE SCHEMA y; CREATE TABLE x.t (k int PRIMARY KEY, v text); CREATE TABLE y.t (k int PRIMARY KEY, v text);" \
          "INSERT INTO x.t VALUES (1, 'x'); INSERT INTO y.t VALUES (2, 'y')"


def test_tables_of_one_target_that_wish_different_modes(group_pair, tmp_path):
    """Refused before anything is created."""
    group_pair.src(TENANTS)
    for other in ("mode: reference", "mode: sharded, shard-key: [v]", "mode: sharded, shard-key: [k], collocate-with: public.z"):
        result = load(group_pair, tmp_path, "  x.t: {mode: sharded, shard-key: [k], to: {schema: public}}\n"
                                            f"  y.t: {{{other}, to: {{schema: public}}}}\n", "--create-tables")
        assert result.status == 2, result
        assert "job.yaml:4: tables x.t and y.t go to public.t, and line 3 wishes another" in result.text, result
        assert group_pair.dst("SELECT to_regclass('public.t') IS NULL") == "t"


@pytest.mark.parametrize("said, unsaid", ["xy", "yx"])
def test_the_mode_of_one_target_may_be_said_once(group_pair, tmp_path, said, unsaid):
    group_pair.src(TENANTS)
    result = load(group_pair, tmp_path, f"  {said}.t: {{mode: sharded, shard-key: [k], to: {{schema: public}}}}\n"
                                        f"  {unsaid}.t: {{to: {{schema: public}}}}\n", "--create-tables")
    assert result.status == 0, result
    assert group_pair.dst("SELECT table_type FROM rds_aurora.limitless_tables WHERE table_name = 't'") == "sharded"
    assert group_pair.dst("SELECT count(*) FROM t") == "2"

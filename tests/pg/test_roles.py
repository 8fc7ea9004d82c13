"""Two roles that may do no more than --print-sql gives them."""

import re

import pytest

from support.sluice import run_load

READER = "sluice_source"  # the names that --print-sql gives
WRITER = "sluice_destination"
pytestmark = pytest.mark.usefixtures("loader")


@pytest.fixture
def unprivileged(pair):
    pair.both("CREATE SCHEMA app; CREATE TABLE app.t (id int PRIMARY KEY, v text, n serial);"
              "CREATE TABLE app.child (t int REFERENCES app.t);"
              "REVOKE CREATE ON SCHEMA public FROM PUBLIC;")
    pair.src("INSERT INTO app.t (id, v) SELECT i, 'v' || i FROM generate_series(1, 500) i;"
             "INSERT INTO app.child SELECT generate_series(1, 500)")
    yield pair
    pair.roles += [(pair.source, READER), (pair.destination, WRITER)]


def as_roles(pair, *args):
    return run_load("--source", pair.source.dsn(pair.source_db, READER),
                    "--destination", pair.destination.dsn(pair.destination_db, WRITER), *args)


def sections(text):
    """The SQL for the source and for the destination: the parts after the comments that name them."""
    parts = re.split(r"(?im)^--.*\bon the (source|destination)\b.*$", text)
    found = {}
    for side, sql in zip(parts[1::2], parts[2::2]):
        found[side.lower()] = found.get(side.lower(), "") + sql
    return found


def grant(pair, *args):
    """Runs what --print-sql prints, as it is; it leaves the passwords to us."""
    result = pair.load("--print-sql", *args)
    assert result.status == 0, result
    parts = sections(result.out)
    assert set(parts) == {"source", "destination"}, result.out
    pair.src(parts["source"])
    pair.dst(parts["destination"])
    pair.source.set_password(READER)
    pair.destination.set_password(WRITER)
    return result


def test_what_print_sql_grants_is_enough(unprivileged):
    grant(unprivileged)
    result = as_roles(unprivileged)
    assert result.status == 0, result
    assert unprivileged.differences() == []
    assert unprivileged.dst("SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = 'sluice'") != ""


def test_truncate_too(unprivileged):
    grant(unprivileged, "--mode", "truncate")
    unprivileged.dst("INSERT INTO app.t (id) VALUES (-1)")
    result = as_roles(unprivileged, "--mode", "truncate")
    assert result.status == 0, result
    assert unprivileged.differences() == []


def test_no_secret_and_no_connection_in_print_sql(unprivileged):
    result = run_load("--print-sql", "--source", "host=nowhere.invalid password=s3cret", "--destination", "host=nowhere.invalid")
    assert "s3cret" not in result.text


@pytest.mark.parametrize("side, revoke", [
    ("src", "REVOKE SELECT ON app.t FROM sluice_source"),
    ("src", "REVOKE USAGE ON SCHEMA app FROM sluice_source"),
    ("dst", "REVOKE INSERT ON app.t FROM sluice_destination"),
    ("dst", "REVOKE USAGE ON SCHEMA app FROM sluice_destination"),
])
def test_a_missing_privilege_is_exit_3_and_named(unprivileged, side, revoke):
    grant(unprivileged)
    getattr(unprivileged, side)(revoke)
    result = as_roles(unprivileged)
    assert result.status == 3, result
    assert "app" in result.text and ("privilege" in result.text or "permission" in result.text or "GRANT" in result.text)
    assert unprivileged.dst("SELECT count(*) FROM app.child") == "0"


def test_without_a_schema_for_the_ledger(unprivileged):
    unprivileged.source.create_role(READER)
    unprivileged.destination.create_role(WRITER)
    unprivileged.src("GRANT USAGE ON SCHEMA app TO sluice_source; GRANT SELECT ON ALL TABLES IN SCHEMA app TO sluice_source")
    unprivileged.dst("GRANT USAGE ON SCHEMA app TO sluice_destination;"
                     "GRANT INSERT, SELECT ON ALL TABLES IN SCHEMA app TO sluice_destination")
    result = as_roles(unprivileged)
    assert result.status == 3, result
    assert "sluice" in result.text and "print-sql" in result.text

"""--spill-kms-key: the rows on disk are under a data key of KMS that only the same job gets back."""

import json

import botocore.exceptions
import botocore.session
import pytest

from support import aws_site, faults


@pytest.fixture
def pair(aws_pair, tmp_path):
    aws_site.fill(aws_pair, rows=100000)
    aws_pair.dst("""
        CREATE FUNCTION wait_here() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN PERFORM pg_advisory_xact_lock_shared(4711); RETURN NULL; END $$;
        CREATE TRIGGER wait_here BEFORE INSERT ON big EXECUTE FUNCTION wait_here();
        ALTER TABLE big ENABLE ALWAYS TRIGGER wait_here;
        CREATE TRIGGER wait_here BEFORE INSERT ON small EXECUTE FUNCTION wait_here();
        ALTER TABLE small ENABLE ALWAYS TRIGGER wait_here;""")
    aws_pair.spill = tmp_path / "spill"
    aws_pair.spill.mkdir()
    aws_pair.key = aws_pair.aws.create_key("alias/spill")
    aws_pair.options = ("--spill-dir", aws_pair.spill, "--release-source", "early", "--spill-kms-key",
                        "alias/spill", "--memory", "16MB", "--chunk-size", "1MB", "-j", "2",
                        "--progress", "json")
    return aws_pair


@pytest.fixture
def gate(pair):
    """Shut: a connection that holds the lock; close it to let rows in."""
    conn = pair.destination.connect(pair.destination_db)
    with conn.cursor() as cur:
        cur.execute("SELECT pg_advisory_lock(4711)")
    yield conn
    conn.close()


@pytest.fixture
def killed(pair, gate):
    """A load that was killed after it had given its source back."""
    load = pair.start(*pair.options)
    faults.wait_until(lambda: "given back" in load.stderr() or not load.running(), "the release")
    assert load.running(), load.wait()
    load.kill()
    for row in pair.destination.backends("sluice%"):
        pair.destination.query("postgres", "SELECT pg_terminate_backend(%s)", (row["pid"],))
    gate.close()
    return load


def decrypt(pair, blob, context):
    """What KMS gives for it, asked by a client that is not ours."""
    keys = pair.aws.keys(pair.user)
    client = botocore.session.get_session().create_client(
        "kms", region_name="us-east-1", endpoint_url=pair.aws.url,
        verify=pair.aws.tls[0] if pair.aws.tls else None, aws_access_key_id=keys.access_key_id,
        aws_secret_access_key=keys.secret_access_key, aws_session_token=keys.session_token)
    return client.decrypt(CiphertextBlob=blob, EncryptionContext=context)["Plaintext"]


def head(pair):
    """The manifest's readable part."""
    content = next(pair.spill.glob("*.manifest")).read_bytes()
    start = content.index(b'{"command"')  # the bytes before it may hold a brace too
    return json.JSONDecoder().raw_decode(content[start:].decode("utf-8", "replace"))[0]


def test_undisturbed(pair):
    result = pair.load(*pair.options)
    assert result.status == 0, result
    aws_site.assert_exact(pair)
    assert list(pair.spill.iterdir()) == []
    assert pair.aws.calls("GenerateDataKey") == 1 and pair.aws.calls("Decrypt") == 0


def test_killed_and_resumed_by_decrypt(pair, killed):
    """Without the source, and with nothing secret in the files."""
    said = head(pair)
    plain = decrypt(pair, bytes.fromhex(said["wrapped_key"]), {"sluice-job": said["job"]})
    pair.used_secrets.add("data key", plain.hex())
    assert len(plain) == 32
    for path in pair.spill.iterdir():
        content = path.read_bytes()
        assert pair.password.encode() not in content
        assert plain not in content and plain.hex().encode() not in content
        assert b"aaaaaaaaaaaaaaaaaaaaaaaa" not in content, "rows lie there in the clear"
    pair.aws.clear_log()
    pair.src("ALTER TABLE big RENAME TO was_big")
    result = pair.load(*pair.options)
    pair.src("ALTER TABLE was_big RENAME TO big")
    assert result.status == 0 and result.summary["from_spill"] is True, result
    aws_site.assert_exact(pair)
    assert list(pair.spill.iterdir()) == []
    assert pair.aws.calls("Decrypt") == 1 and pair.aws.calls("GenerateDataKey") == 0
    assert pair.aws.calls("GetSecretValue") == 0, "the source's secret was asked for without need"


def test_the_job_is_the_context(pair, killed):
    """The wrapped key of one job opens nothing in the name of another."""
    said = head(pair)
    blob = bytes.fromhex(said["wrapped_key"])
    for context in ({}, {"sluice-job": said["job"] + "x"}, {"job": said["job"]}):
        with pytest.raises(botocore.exceptions.ClientError, match="InvalidCiphertext"):
            decrypt(pair, blob, context)


def test_denied_before_anything_is_emptied(pair):
    pair.dst("INSERT INTO small VALUES (-1, 'stays');"
             f" GRANT TRUNCATE ON big, small TO {pair.destination_role}")
    pair.aws.deny("kms:GenerateDataKey")
    result = pair.load(*pair.options, "--mode", "truncate")
    assert result.status == 3 and "kms:GenerateDataKey" in result.err, result
    assert pair.dst("SELECT odd FROM small") == "stays"
    assert list(pair.spill.iterdir()) == []


def test_denied_on_resume_costs_nothing(pair, killed):
    files = {path: path.read_bytes() for path in pair.spill.iterdir()}
    pair.aws.deny("kms:Decrypt", pair.key)
    result = pair.load(*pair.options)
    assert result.status == 3 and "kms:Decrypt" in result.err, result
    assert {path: path.read_bytes() for path in pair.spill.iterdir()} == files
    pair.aws.undeny()
    result = pair.load(*pair.options)
    assert result.status == 0, result
    aws_site.assert_exact(pair)


def test_key_that_is_not_there(pair):
    words = [w if w != "alias/spill" else "alias/none" for w in pair.options]
    result = pair.load(*words)
    assert result.status in (2, 3) and "alias/none" in result.err + result.out, result
    assert list(pair.spill.iterdir()) == []

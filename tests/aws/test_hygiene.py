"""No secret of AWS is left in the loader's memory at its end, nor in its holder's, nor anywhere else."""

import pytest

from support import aws_site, memory_scan, sluice

REASON = memory_scan.why_not()


@pytest.fixture
def pair(aws_pair):
    if REASON:
        pytest.skip(REASON)
    aws_site.fill(aws_pair, 5000)
    return aws_pair


def end_of(pair, secrets, args, env):
    ended = memory_scan.run([sluice.SLUICE, "load", *map(str, args), "-j", "2", "--memory", "16MB", "-v"], secrets,
                            sluice.load_env(env))
    assert "[heap]" in ended.found.regions
    assert ended.found.hits == [], ended.found
    for secret in secrets.values():
        assert secret not in ended.text
    return ended


def test_a_secret_a_role_and_a_token(pair, iam):
    """Keys from the environment, a role's session, a password, a token: none outlives the load."""
    role = f"arn:aws:iam::111122223333:role/clean-{pair.source_db}"
    pair.aws.add_role(role)
    keys = pair.aws.keys(pair.user)
    secrets = {"password": pair.password, "secret access key": keys.secret_access_key}
    ended = end_of(pair, secrets, pair.args("--destination-role-arn", role), pair.env())
    assert ended.status == 0, ended
    aws_site.assert_exact(pair)


def test_a_session_and_a_wrong_password(pair, used_secrets):
    """Refused logins and temporary keys."""
    session = f"session-{pair.source_db}"
    pair.aws.add_session(session, of=pair.user)
    keys = pair.aws.keys(session)
    wrong = used_secrets.add("wrong password", "wr0ng-" + pair.password[::-1])
    pair.aws.rotate(pair.secret_arn, pair.secret_value(password=wrong))
    pair.aws.rotate(pair.secret_arn, pair.secret_value(password=wrong + "x"))
    secrets = {"wrong password": wrong, "secret access key": keys.secret_access_key,
               "session token": keys.session_token}
    ended = end_of(pair, secrets, pair.args(), pair.aws.env(session))
    assert ended.status == 3, ended


def test_a_password_under_kms(pair, tmp_path):
    key = pair.aws.create_key("alias/clean")
    file = tmp_path / "pw"
    file.write_bytes(pair.aws.encrypt(key, pair.password.encode()))
    args = ("--source", pair.source.aws_dsn(pair.source_db, pair.source_role), "--source-ca", pair.lab.ca,
            "--source-password-kms", file, *pair.destination_args())
    ended = end_of(pair, {"password": pair.password}, args, pair.env())
    assert ended.status == 0, ended


def test_the_token(pair, iam):
    """Nobody knows it beforehand, but how it begins: this text is put together for a token only."""
    token = f"{pair.destination.aws_host}:{pair.destination.port}/?Action=connect&DBUser={pair.destination_role}"
    command = [sluice.SLUICE, "load", *map(str, pair.args("-j", "2", "--memory", "16MB"))]
    aws_site.slow_down(pair, 1)
    with memory_scan.Traced(command, {"token": token}, sluice.load_env(pair.env()), whole=True) as load:
        while not pair.destination.backends("sluice/%/writer-_"):
            assert not load.poll(), load.finish()
        running = load.look()
        ended = load.finish()
    assert ended.status == 0, ended
    assert running.names() == {"token"}, "the token is not even in memory while it is in use: the test proved nothing"
    assert "[heap]" in ended.found.regions and ended.found.hits == [], ended.found
    assert "Action=connect" not in ended.text

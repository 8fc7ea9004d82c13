"""Loads that log in by secret, by password under KMS, by IAM token, by a role in another account: the
rows are exact, and what a person asked for is what was used."""

import pytest

from support import aws_site, sluice

OTHER_ACCOUNT = "444455556666"


@pytest.fixture
def pair(aws_pair):
    aws_site.fill(aws_pair)
    return aws_pair


def done(result):
    assert result.status == 0, result
    return result


def test_secret_and_iam_token(pair, iam):
    done(pair.load())
    aws_site.assert_exact(pair)
    assert pair.aws.calls("GetSecretValue") == 1, "the secret was read more often than needed"
    assert len(pair.aws.tokens_seen()) == 1, "a token was not shared by the logins"
    logins = [e for e in pair.aws.log() if e["service"] == "rds-db"]
    assert len(logins) >= 3 and all(e["ok"] for e in logins)


def test_secrets_on_both_sides_and_only_the_secret_knows_where(pair):
    """user, password, host, port and dbname all come from the secrets."""
    password = pair.destination.create_role("secret_writer", "IN ROLE pg_write_all_data, pg_read_all_data")
    pair.roles.append((pair.destination, "secret_writer"))
    pair.destination.psql(pair.destination_db, f'GRANT CREATE ON DATABASE "{pair.destination_db}" TO secret_writer')
    arn = pair.aws.put_secret(f"writer/{pair.destination_db}", {
        "username": "secret_writer", "password": password, "host": "localhost", "engine": "aurora-postgresql",
        "port": str(pair.destination.port), "dbname": pair.destination_db})
    result = sluice.run_load(*pair.source_args(), "--destination-secret", arn, "--triggers", "keep",
                             "--destination", "sslmode=require", env=pair.env())
    done(result)
    aws_site.assert_exact(pair)


def test_a_secret_in_binary_form(pair):
    value = ('{"username": "%s", "password": "%s"}' % (pair.source_role, pair.password)).encode()
    pair.aws.put_secret(f"binary/{pair.source_db}", value)
    done(sluice.run_load("--source", pair.source.aws_dsn(pair.source_db), "--source-ca", pair.lab.ca,
                         "--source-secret", f"binary/{pair.source_db}", *pair.destination_args(),
                         env=pair.env()))
    aws_site.assert_exact(pair)


ODD_PASSWORDS = ["p'w", 'p"w', "p\\w", "p w ", " lead", "p=w", "p&w?x#y/z:@%41", "$(x)`y`;|", "é\u00df\u4f60\U0001f600",
                 "\\'\\\\''", "{}[]<>,", "tab\there", "x" * 200]


@pytest.mark.parametrize("password", ODD_PASSWORDS)
def test_odd_passwords(pair, used_secrets, password):
    quoted = password.replace("'", "''")
    pair.source.psql("postgres", f"ALTER ROLE {pair.source_role} PASSWORD '{quoted}'")
    if len(password) > 6:
        used_secrets.add("odd password", password)
    pair.aws.rotate(pair.secret_arn, {**pair.secret_value(), "password": password})
    done(pair.load("--dry-run"))


@pytest.mark.parametrize("form", ["base64", "raw"])
def test_a_password_under_kms(pair, used_secrets, tmp_path, form):
    import base64

    key = pair.aws.create_key("alias/passwords")
    used_secrets.add("kms password", pair.password)
    blob = pair.aws.encrypt(key, pair.password.encode(), {"app": "shop", "Env": "test"})
    file = tmp_path / "password.kms"
    file.write_bytes(base64.b64encode(blob) + b"\n" if form == "base64" else blob)
    args = ("--source", pair.source.aws_dsn(pair.source_db, pair.source_role), "--source-ca", pair.lab.ca,
            "--source-password-kms", file)
    done(sluice.run_load(*args, "--kms-context", "app=shop", "--kms-context", "Env=test",
                         *pair.destination_args(), env=pair.env()))
    aws_site.assert_exact(pair)
    wrong = sluice.run_load(*args, "--kms-context", "app=shop", *pair.destination_args(), env=pair.env())
    assert wrong.status in (2, 3) and "InvalidCiphertextException" in wrong.text, wrong
    assert "context" in wrong.text, wrong


def test_source_by_a_role_in_another_account(pair):
    """The secret can be read by principals of its own account only; sts:AssumeRole leads there."""
    role = f"arn:aws:iam::{OTHER_ACCOUNT}:role/reader-{pair.source_db}"
    arn = pair.aws.put_secret(f"far/{pair.source_db}", pair.secret_value(), account=OTHER_ACCOUNT)
    pair.aws.add_role(role, trust=[f"arn:aws:iam::111122223333:user/{pair.user}"], external_id="agreed-42")
    source = ("--source", "hostaddr=127.0.0.1", "--source-ca", pair.lab.ca, "--source-secret", arn)
    refused = sluice.run_load(*source, *pair.destination_args(), env=pair.env())
    assert refused.status == 3 and "secretsmanager:GetSecretValue" in refused.text, refused
    no_id = sluice.run_load(*source, "--source-role-arn", role, *pair.destination_args(), env=pair.env())
    assert no_id.status == 3 and "sts:AssumeRole" in no_id.text, no_id
    pair.aws.clear_log()
    done(sluice.run_load(*source, "--source-role-arn", role, "--source-external-id", "agreed-42",
                         "--source-session-tag", "team=data", "--source-session-tag", "job=nightly",
                         *pair.destination_args(), env=pair.env()))
    aws_site.assert_exact(pair)
    assert pair.aws.calls("sts:AssumeRole") == 1
    by_role = [e for e in pair.aws.log() if e["operation"] == "GetSecretValue"]
    assert all("assumed-role" in e["principal"] for e in by_role)
    signers = {e["principal"] for e in pair.aws.log() if e["service"] == "rds-db"}
    assert not any("assumed-role" in s for s in signers), "the other side's role was used"


def test_rds_names_in_place_of_hosts(pair, iam):
    """The endpoint comes from RDS; hostaddr says that here it is not where DNS would say."""
    source = f"rds:{pair.source.aws_id}/{pair.source_db} hostaddr=127.0.0.1"
    destination = f"rds:{pair.destination.aws_id}/{pair.destination_db} hostaddr=127.0.0.1 user={pair.destination_role}"
    done(sluice.run_load("--source", source, "--source-secret", pair.secret, "--source-ca", pair.lab.ca,
                         "--destination", destination, "--destination-iam", "--destination-ca", pair.lab.ca,
                         env=pair.env()))
    aws_site.assert_exact(pair)


def test_a_token_for_another_host_than_the_one_dialled(pair, iam):
    """As through a tunnel: the name dialled is localhost, the token is for the real one."""
    dsn = f"host=localhost port={pair.destination.port} dbname={pair.destination_db} user={pair.destination_role}"
    args = ("--destination", dsn, "--destination-iam", "--destination-ca", pair.lab.ca)
    wrong = sluice.run_load(*pair.source_args(), *args, env=pair.env())
    assert wrong.status == 3 and "--destination-iam-host" in wrong.text, wrong
    done(sluice.run_load(*pair.source_args(), *args, "--destination-iam-host",
                         f"{pair.destination.aws_host}:{pair.destination.port}", env=pair.env()))
    aws_site.assert_exact(pair)


@pytest.mark.parametrize("how", ["instance", "ecs", "eks", "web identity"])
def test_credentials_of_the_place_where_it_runs(pair, iam, how):
    role = f"arn:aws:iam::111122223333:role/place-{pair.source_db}"
    pair.aws.add_role(role)
    if how == "instance":
        pair.aws.instance_role(role)
        env = pair.aws.instance_env()
    elif how == "web identity":
        env = pair.aws.web_identity_env(role)
    else:
        pair.aws.container_role(role)
        env = pair.aws.ecs_env() if how == "ecs" else pair.aws.eks_env()
    result = done(sluice.run_load(*pair.args(), env=env))
    aws_site.assert_exact(pair)
    principals = {e["principal"] for e in pair.aws.log() if e["operation"] == "GetSecretValue"}
    assert len(principals) == 1 and "assumed-role/place-" in principals.pop(), result


def test_a_profile_with_a_chain_of_roles(pair, tmp_path):
    keys = pair.aws.keys(pair.user)
    first, second = (f"arn:aws:iam::111122223333:role/{n}-{pair.source_db}" for n in ("first", "second"))
    pair.aws.add_role(first)
    pair.aws.add_role(second, trust=[first])
    config, credentials = tmp_path / "config", tmp_path / "credentials"
    config.write_text(f"[profile base]\nregion = us-east-1\n[profile one]\nrole_arn = {first}\n"
                      f"source_profile = base\n[profile two]\nrole_arn = {second}\nsource_profile = one\n"
                      "region = us-east-1\n")
    credentials.write_text(f"[base]\naws_access_key_id = {keys.access_key_id}\n"
                           f"aws_secret_access_key = {keys.secret_access_key}\n")
    env = {k: v for k, v in pair.env().items() if "KEY" not in k and "TOKEN" not in k and "REGION" not in k}
    env.update(AWS_CONFIG_FILE=str(config), AWS_SHARED_CREDENTIALS_FILE=str(credentials))
    done(sluice.run_load(*pair.args("--aws-profile", "two"), env=env))
    aws_site.assert_exact(pair)
    assert pair.aws.calls("sts:AssumeRole") == 2
    missing = sluice.run_load(*pair.args("--aws-profile", "nowhere"), env=env)
    assert missing.status == 2 and "nowhere" in missing.text, missing

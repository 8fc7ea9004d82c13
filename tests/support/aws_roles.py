"""The roles of a load that knows no password, and the options with which the loader uses them.

The reader's password is in a secret under a KMS key of its own; the writer has rds_iam and logs in by
token. Both have what a load needs in one database and nothing else.
"""

from .lab import quote_ident


def secret_value(cluster, db, role, password):
    """As the rotation functions of AWS write it."""
    return {"engine": "postgres", "host": cluster.aws_host, "port": cluster.port, "dbname": db,
            "username": role, "password": password}


def make_reader(lab, db, role, secret):
    """A role on the source and its secret; gives (password, ARN of the secret, ARN of the key)."""
    password = lab.source.create_role(role, "IN ROLE pg_read_all_data")
    key = lab.aws.create_key(f"alias/{secret}")
    arn = lab.aws.put_secret(secret, secret_value(lab.source, db, role, password), kms_key=key)
    return password, arn, key


def _may_write(cluster, db, role):
    cluster.psql("postgres", f"""
        GRANT pg_read_all_data, pg_write_all_data TO {quote_ident(role)};
        ALTER DATABASE {quote_ident(db)} OWNER TO {quote_ident(role)};""")
    if int(cluster.psql("postgres", "SHOW server_version_num")) >= 150000:
        # Foreign keys and triggers are left aside while rows go in.
        cluster.psql("postgres",
                     f"GRANT SET ON PARAMETER session_replication_role TO {quote_ident(role)}")


def make_writer(lab, db, role):
    """A role on the destination that logs in by IAM token."""
    lab.destination.iam_role(role)
    _may_write(lab.destination, db, role)


def make_writer_with_password(lab, db, role):
    """The same where there can be no logins by IAM token; the lab's password file knows it."""
    lab.destination.create_role(role)
    _may_write(lab.destination, db, role)


def source_options(lab, secret):
    """The secret knows host, port and database; only that the host is here it cannot know."""
    return ["--source", f"hostaddr={lab.source.host}", "--source-secret", secret,
            "--source-ca", str(lab.ca)]


def destination_options(lab, db, role):
    if lab.no_iam:
        return ["--destination", lab.destination.dsn(db, role)]
    return ["--destination", lab.destination.aws_dsn(db, role), "--destination-iam",
            "--destination-ca", str(lab.ca)]

"""Logins by IAM token without any code of ours: botocore makes the token, psycopg2 brings it.

Proves what the lab's servers take and refuse, and shows what the loader's tokens have to look like.
"""

import contextlib
import datetime as dt
from unittest import mock

import botocore.auth
import psycopg2
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from .lab import REGION

EXPIRES_S = 900


def credentials(env):
    """What a client would find in these AWS_* variables."""
    return Credentials(env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"],
                       env.get("AWS_SESSION_TOKEN"))


@contextlib.contextmanager
def signing_at(moment):
    """botocore's signers take this (a naive datetime in UTC) for the time, whatever its version."""
    if hasattr(botocore.auth, "get_current_datetime"):
        name, fake = "get_current_datetime", lambda *args, **more: moment
    else:
        name, fake = "datetime", mock.Mock(wraps=dt)
        fake.datetime = mock.Mock(wraps=dt.datetime)
        fake.datetime.utcnow = lambda: moment
    with mock.patch.object(botocore.auth, name, fake):
        yield


def token(env, cluster, user, age_s=0, host=None, port=None, region=REGION, expires_s=EXPIRES_S):
    """A token for a cluster of the lab, or for what is given in its stead."""
    url = f"https://{host or cluster.aws_host}:{port or cluster.port}/"
    request = AWSRequest("GET", url, params={"Action": "connect", "DBUser": user})
    # The signer itself and not a client: with python3-awscrt there a client signs by another clock.
    signer = botocore.auth.SigV4QueryAuth(credentials(env), "rds-db", region, expires=expires_s)
    now = dt.datetime.now(dt.timezone.utc).replace(tzinfo=None)
    with signing_at(now - dt.timedelta(seconds=age_s)):
        signer.add_auth(request)
    return request.prepare().url.removeprefix("https://")


def connect(cluster, user, password, dbname="postgres", **more):
    """psycopg2's connection by the cluster's host name, its certificate fully checked."""
    words = {"sslmode": "verify-full", "sslrootcert": cluster.lab.ca, "connect_timeout": 30}
    words.update(more)
    return psycopg2.connect(cluster.aws_dsn(dbname, user, password=password, **words))


def who_is_in(cluster, user, password, **more):
    """(current_user, whether the connection has TLS) of such a login."""
    conn = connect(cluster, user, password, **more)
    try:
        with conn.cursor() as cur:
            cur.execute("SELECT current_user, ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
            return cur.fetchone()
    finally:
        conn.close()


def refusal(cluster, user, password, **more):
    """The server's words; None when it let us in."""
    try:
        who_is_in(cluster, user, password, **more)
    except psycopg2.OperationalError as e:
        return str(e)
    return None

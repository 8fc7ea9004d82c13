"""The simulated shard group: logins by IAM token, made for the router that is dialled."""

import psycopg2
import pytest

pytest.importorskip("botocore")

from support import iam_login  # noqa: E402


@pytest.fixture(scope="module")
def user(aws_group_lab):
    aws_group_lab.group.iam_role("by_token")
    return "by_token"


def come(lab, router, user, token):
    group = lab.group
    conn = psycopg2.connect(host=router.host, port=group.port, dbname="postgres_limitless", user=user,
                            password=token, sslmode="verify-full", sslrootcert=str(lab.ca))
    try:
        with conn.cursor() as cur:
            cur.execute("SELECT current_user, host(inet_client_addr())")
            return cur.fetchone()
    finally:
        conn.close()


def test_a_token_for_the_router(aws_group_lab, user):
    lab = aws_group_lab
    for router in lab.group.routers:
        token = iam_login.token(lab.aws_env(), lab.group, user, host=router.host, port=lab.group.port)
        assert come(lab, router, user, token) == (user, router.host)


def test_a_token_for_the_cluster(aws_group_lab, user):
    lab = aws_group_lab
    token = iam_login.token(lab.aws_env(), lab.group, user)
    assert iam_login.who_is_in(lab.group, user, token, dbname="postgres_limitless") == (user, True)


def test_a_token_for_another_router_or_port(aws_group_lab, user):
    lab = aws_group_lab
    first, second = lab.group.routers
    for how in ({"host": second.host}, {"host": first.host, "port": lab.group.server_port},
                {"host": "127.0.0.9"}):
        token = iam_login.token(lab.aws_env(), lab.group, user, **{"port": lab.group.port, **how})
        with pytest.raises(psycopg2.OperationalError):
            come(lab, first, user, token)

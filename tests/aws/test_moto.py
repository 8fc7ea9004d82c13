"""The client's calls against moto, a stand-in that others wrote from AWS's own models, behind a door
that checks every signature as the other tests' stand-in does, since moto does not.

Needs a Python that has moto's server: $MOTO_PYTHON, or python3 on the path.
"""

import base64
import http.client
import http.server
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

botocore = pytest.importorskip("botocore", reason="needs python3-botocore")
import botocore.session

from support import aws_auth, aws_sigv4, aws_site, sluice

TOOLS = Path(os.environ.get("SLUICE_TOOLS", Path(__file__).parents[2] / "build" / "default" / "tools"))
REGION = "us-east-1"
ACCOUNT = "123456789012"
KEY_ID, SECRET_KEY = "AKIDMOTOEXAMPLE00001", "kTzm0t0/EXAMPLEsecretEXAMPLEsecretEXAMPL"
DATABASE = "db.x.us-east-1.rds.amazonaws.com"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/reader"
START_SECONDS_MAX = 60
USAGE = 1  # of enum err_kind
STS_KEYS = re.compile(rb"<AccessKeyId>(.*?)</AccessKeyId>\s*<SecretAccessKey>(.*?)</SecretAccessKey>\s*"
                      rb"<SessionToken>(.*?)</SessionToken>", re.S)


# --- the servers ---

def moto_python():
    """A Python with moto's server; skips the test without one."""
    for python in filter(None, (os.environ.get("MOTO_PYTHON"), sys.executable, shutil.which("python3"))):
        if subprocess.run([python, "-c", "import moto.server"], capture_output=True).returncode == 0:
            return python
    pytest.skip("no Python with moto's server (pip install 'moto[server]'); MOTO_PYTHON can name one")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port, server):
    deadline = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < deadline and server.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError("moto's server did not start")


@pytest.fixture(scope="module")
def moto():
    """The port of moto's server."""
    port = free_port()
    server = subprocess.Popen([moto_python(), "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(port, server)
        yield port
    finally:
        server.terminate()
        server.wait(30)


class Door(http.server.BaseHTTPRequestHandler):
    """Lets through what is rightly signed, and learns the keys that STS hands out."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        request = aws_sigv4.Received("POST", self.path, tuple(self.headers.items()), body)
        try:
            self.server.check(request)
        except Exception as why:  # whatever it is, it must not pass
            self.server.refused.append(repr(why))
            return self.answer(403, b"<Error><Code>SignatureDoesNotMatch</Code></Error>", ())
        self.forward(body)

    def forward(self, body):
        inner = http.client.HTTPConnection("127.0.0.1", self.server.moto, timeout=60)
        inner.request("POST", self.path, body, dict(self.headers.items()))
        reply = inner.getresponse()
        text = reply.read()
        inner.close()
        for found in STS_KEYS.findall(text):
            key_id, secret, token = (part.decode() for part in found)
            self.server.keys[key_id] = (secret, token)
        kept = [(n, v) for n, v in reply.getheaders()
                if n.lower() in ("content-type", "x-amzn-errortype", "x-amzn-requestid")]
        self.answer(reply.status, text, kept)

    def answer(self, status, body, headers):
        self.send_response(status)
        for name, value in (*headers, ("Content-Length", str(len(body)))):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class DoorServer(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, moto):
        super().__init__(("127.0.0.1", 0), Door)
        self.moto = moto
        self.keys = {KEY_ID: (SECRET_KEY, None)}
        self.refused = []
        self.signed = []  # (service, Region, key id)

    def check(self, request):
        claim = aws_sigv4.claim_of(request)
        if claim is None:
            assert b"Action=AssumeRoleWithWebIdentity&" in request.body, "not signed"
            return
        secret, token = self.keys[claim.access_key_id]
        assert claim.session_token == token
        assert abs(claim.moment() - time.time()) < 300
        aws_auth.check_form(request, claim)
        aws_auth.check_signature(request, claim, secret)
        self.signed.append((claim.service, claim.region, claim.access_key_id))

    def env(self, **more):
        return {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.server_port}", "AWS_REGION": REGION,
                "AWS_ACCESS_KEY_ID": KEY_ID, "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
                "AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": os.devnull,
                "AWS_SHARED_CREDENTIALS_FILE": os.devnull, "AWS_MAX_ATTEMPTS": "1", **more}


@pytest.fixture(scope="module")
def door(moto):
    server = DoorServer(moto)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()
    assert not server.refused, "signatures were refused"


@pytest.fixture(scope="module")
def boto(moto):
    """Clients of botocore, by service, past the door: they make what ours then finds."""
    session = botocore.session.Session()
    made = {}

    def client(service):
        if service not in made:
            made[service] = session.create_client(
                service, region_name=REGION, endpoint_url=f"http://127.0.0.1:{moto}",
                aws_access_key_id=KEY_ID, aws_secret_access_key=SECRET_KEY)
        return made[service]

    return client


@pytest.fixture
def call(door):
    """One call by our client: its answer."""
    tool = TOOLS / "aws_calls"
    if not tool.exists():
        pytest.skip(f"{tool} is not built: make tools")

    def run(name, env=(), **arguments):
        line = json.dumps({"call": name, **arguments}) + "\n"
        done = subprocess.run([tool], input=line, capture_output=True, text=True, timeout=60,
                              env={**os.environ, **door.env(**dict(env))})
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


def plain(text):
    return base64.b64decode(text).decode()


# --- STS ---

def test_get_caller_identity(call):
    who = call("get_caller_identity")
    assert who["account"] == ACCOUNT and who["arn"].startswith(f"arn:aws:sts::{ACCOUNT}:")
    assert who["user_id"]


def test_assume_role_and_call_as_it(call, door):
    got = call("assume_role", role=ROLE, session_name="nightly", external_id="a=b&c d",
               tags={"team": "data/é", "run id": "1+2"})
    assert got["account_id"] == ACCOUNT and got["expires"] > time.time() + 600
    assert door.keys[got["access_key_id"]] == (got["secret_access_key"], got["session_token"])
    who = call("get_caller_identity", env={"AWS_ACCESS_KEY_ID": got["access_key_id"],
                                           "AWS_SECRET_ACCESS_KEY": got["secret_access_key"],
                                           "AWS_SESSION_TOKEN": got["session_token"]})
    assert who["arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/reader/nightly"


def test_assume_role_with_web_identity(call, tmp_path):
    token = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.c2lnbmF0dXJl-_="
    got = call("assume_role_with_web_identity", role=ROLE, session_name="pod", token=token)
    assert got["access_key_id"] and got["session_token"] and got["expires"] > time.time()
    file = tmp_path / "token"
    file.write_text(token + "\n")
    chain = call("credentials", env={"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "",
                                     "AWS_ROLE_ARN": ROLE, "AWS_WEB_IDENTITY_TOKEN_FILE": str(file)})
    assert chain["access_key_id"] and "web identity" in chain["identity"]


def test_a_profile_with_a_role(call, door, tmp_path):
    config = tmp_path / "config"
    config.write_text(f"[profile base]\naws_access_key_id = {KEY_ID}\naws_secret_access_key = {SECRET_KEY}\n"
                      f"[profile work]\nrole_arn = {ROLE}\nsource_profile = base\nrole_session_name = w\n")
    who = call("get_caller_identity", env={"AWS_CONFIG_FILE": str(config), "AWS_PROFILE": "work",
                                           "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""})
    assert who["arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/reader/w"
    assert door.signed[-1][2] != KEY_ID


# --- Secrets Manager ---

@pytest.mark.parametrize("name, value", [("text", '{"username": "a", "password": "p\\"w é"}'),
                                         ("text/large", "x" * 65536), ("text/blank+=.@-_", " \n")])
def test_secret_text(call, boto, name, value):
    made = boto("secretsmanager").create_secret(Name=name, SecretString=value)
    for id_ in (name, made["ARN"]):
        got = call("get_secret", id=id_)
        assert got["found"] and plain(got["value"]) == value
        assert (got["arn"], got["version"]) == (made["ARN"], made["VersionId"])


def test_secret_bytes(call, boto):
    value = bytes(range(256))
    boto("secretsmanager").create_secret(Name="bytes", SecretBinary=value)
    assert base64.b64decode(call("get_secret", id="bytes")["value"]) == value


def test_secret_stages_and_versions(call, boto):
    client = boto("secretsmanager")
    first = client.create_secret(Name="rotated", SecretString="one")["VersionId"]
    assert call("get_secret", id="rotated", stage="AWSPENDING")["found"] is False
    client.put_secret_value(SecretId="rotated", SecretString="two")
    assert plain(call("get_secret", id="rotated")["value"]) == "two"
    assert plain(call("get_secret", id="rotated", stage="AWSPREVIOUS")["value"]) == "one"
    assert plain(call("get_secret", id="rotated", version=first)["value"]) == "one"


def test_no_such_secret(call):
    got = call("get_secret", id="nowhere")
    assert got["kind"] == USAGE and "nowhere" in got["error"]
    assert "ResourceNotFoundException" in got["error"]
    assert call("describe_secret", id="nowhere")["kind"] == USAGE


def test_describe_secret(call, boto):
    key = boto("kms").create_key()["KeyMetadata"]["Arn"]
    client = boto("secretsmanager")
    made = client.create_secret(Name="described", SecretString="x", KmsKeyId=key)
    got = call("describe_secret", id="described")
    assert (got["arn"], got["name"], got["key"]) == (made["ARN"], "described", key)
    assert not got["rotates"] and not got["deleted"]
    client.delete_secret(SecretId="described")
    assert call("describe_secret", id="described")["deleted"]
    assert call("get_secret", id="described")["kind"] == USAGE


# --- KMS ---

def test_decrypt(call, boto):
    client = boto("kms")
    key = client.create_key()["KeyMetadata"]
    context = {"app": "shop", "ünï": 'a"b'}
    secret = bytes(range(256))
    blob = client.encrypt(KeyId=key["KeyId"], Plaintext=secret, EncryptionContext=context)["CiphertextBlob"]
    text = base64.b64encode(blob).decode()
    for key_id in (None, key["KeyId"], key["Arn"]):
        more = {"key": key_id} if key_id else {}
        got = call("decrypt", ciphertext=text, context=context, **more)
        assert base64.b64decode(got["plain"]) == secret
    wrong = call("decrypt", ciphertext=text, context={"app": "shop"})
    assert "InvalidCiphertextException" in wrong["error"]


def test_generate_data_key(call, boto):
    client = boto("kms")
    key = client.create_key()["KeyMetadata"]
    client.create_alias(AliasName="alias/data", TargetKeyId=key["KeyId"])
    for key_id in (key["KeyId"], key["Arn"], "alias/data"):
        got = call("generate_data_key", key=key_id, context={"a": "b"})
        assert got["key"] == key["Arn"]
        back = client.decrypt(CiphertextBlob=base64.b64decode(got["ciphertext"]), EncryptionContext={"a": "b"})
        assert back["Plaintext"] == base64.b64decode(got["plain"])
        assert len(back["Plaintext"]) == 32


def test_describe_key(call, boto):
    client = boto("kms")
    key = client.create_key(KeyUsage="ENCRYPT_DECRYPT")["KeyMetadata"]
    got = call("describe_key", key=key["KeyId"])
    assert got == {"arn": key["Arn"], "state": "Enabled", "usage": "ENCRYPT_DECRYPT", "enabled": True,
                   "managed_by_aws": False}
    client.disable_key(KeyId=key["KeyId"])
    got = call("describe_key", key=key["Arn"])
    assert got["state"] == "Disabled" and not got["enabled"]
    assert "NotFoundException" in call("describe_key", key="alias/nowhere")["error"]


# --- RDS ---

@pytest.fixture(scope="module")
def databases(boto):
    """A cluster with an instance in it, and an instance alone."""
    client = boto("rds")
    cluster = client.create_db_cluster(DBClusterIdentifier="shop", Engine="aurora-postgresql",
                                       MasterUsername="master", MasterUserPassword="long-enough",
                                       EnableIAMDatabaseAuthentication=True)["DBCluster"]
    client.create_db_instance(DBInstanceIdentifier="shop-1", Engine="aurora-postgresql",
                              DBInstanceClass="db.r6g.large", DBClusterIdentifier="shop")
    client.create_db_instance(DBInstanceIdentifier="lone", Engine="postgres", AllocatedStorage=20,
                              DBInstanceClass="db.t3.micro", MasterUsername="m", Port=6543,
                              MasterUserPassword="long-enough")
    lone = client.describe_db_instances(DBInstanceIdentifier="lone")["DBInstances"][0]
    return cluster, lone


def test_find_a_cluster(call, databases):
    cluster, _ = databases
    for id_ in ("shop", cluster["DBClusterArn"]):
        got = call("find_database", id=id_)
        assert got["cluster"] and got["id"] == "shop" and got["arn"] == cluster["DBClusterArn"]
        assert (got["endpoint"], got["reader"]) == (cluster["Endpoint"], cluster["ReaderEndpoint"])
        assert got["port"] == cluster["Port"] and got["resource_id"] == cluster["DbClusterResourceId"]
        assert got["iam_enabled"] and got["engine"] == "aurora-postgresql" and got["status"] == "available"


def test_find_an_instance(call, databases):
    cluster, lone = databases
    got = call("find_database", id="lone")
    assert not got["cluster"] and got["endpoint"] == lone["Endpoint"]["Address"]
    assert got["port"] == 6543 and got["resource_id"] == lone["DbiResourceId"]
    member = call("find_database", id="shop-1")
    assert not member["cluster"] and member["resource_id"] == cluster["DbClusterResourceId"]


def test_find_by_host(call, databases):
    cluster, lone = databases
    assert call("find_host", host=cluster["Endpoint"].upper())["id"] == "shop"
    assert call("find_host", host=cluster["ReaderEndpoint"])["id"] == "shop"
    assert call("find_host", host=lone["Endpoint"]["Address"])["id"] == "lone"
    assert call("find_host", host="elsewhere.example.com") == {"found": False}
    nobody = call("find_database", id="nowhere")
    assert nobody["kind"] == USAGE and "nowhere" in nobody["error"]


# --- the program ---

def test_whoami_and_token(door, tmp_path):
    env = door.env(HOME=str(tmp_path))
    whoami = sluice.run_load("whoami", "--json", env=env, subcommand="aws")
    assert whoami.status == 0 and json.loads(whoami.out)["account"] == ACCOUNT, whoami
    made = sluice.run_load("token", "--host", DATABASE, "--user", "u", "--role-arn", ROLE, env=env,
                           subcommand="aws")
    assert made.status == 0, made.err
    token = made.out.strip()
    claim = aws_sigv4.claim_of_query(aws_sigv4.query_parameters(token.partition("?")[2]))
    assert claim.session_token == door.keys[claim.access_key_id][1]
    request = aws_sigv4.Received("GET", "/" + token.partition("/")[2], (("Host", DATABASE + ":5432"),))
    aws_auth.check_signature(request, claim, door.keys[claim.access_key_id][0])


def test_load_by_secrets(aws_pair, door, boto, used_secrets):
    pair = aws_pair
    aws_site.fill(pair)
    password = used_secrets.add("writer's password", pair.destination.create_role(
        "moto_writer", "IN ROLE pg_write_all_data, pg_read_all_data"))
    pair.roles.append((pair.destination, "moto_writer"))
    pair.destination.psql(pair.destination_db,
                          f'GRANT CREATE ON DATABASE "{pair.destination_db}" TO moto_writer')
    client = boto("secretsmanager")
    client.create_secret(Name="source", SecretString=json.dumps(pair.secret_value()))
    client.create_secret(Name="destination", SecretString=json.dumps({
        "username": "moto_writer", "password": password, "host": "localhost", "engine": "postgres",
        "port": pair.destination.port, "dbname": pair.destination_db}))
    result = sluice.run_load("--source", "hostaddr=127.0.0.1", "--source-ca", pair.lab.ca,
                             "--source-secret", "source", "--destination", "sslmode=require",
                             "--destination-secret", "destination", "--triggers", "keep", env=door.env())
    assert result.status == 0, result
    aws_site.assert_exact(pair)

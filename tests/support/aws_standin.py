"""The lab's AWS: Secrets Manager, KMS, STS, RDS, IMDS and the container endpoint on loopback.

    with AwsStandin(directory) as aws:
        arn = aws.put_secret("prod/db", {"username": "app", "password": "x"})
        run(client, env=aws.env())
        assert aws.calls("GetSecretValue") == 1

Every signature is checked by botocore's code and by a second implementation, so a client that signs
wrongly is refused. The server is a process of its own (aws_server.py); this is the handle to it.
Only the standard library is needed here; the server needs botocore.
"""

import atexit
import base64
import contextlib
import http.client
import json
import os
import secrets
import signal
import ssl
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path

ACCOUNT = "111122223333"
REGION = "us-east-1"
PYTHON = "/usr/bin/python3"  # Debian's, which has botocore
START_SECONDS_MAX = 30
STOP_SECONDS_MAX = 10
STATE_FILE = "aws-standin.json"


class StandinError(Exception):
    """The stand-in does not start, or was asked for something that cannot be."""


@dataclass(frozen=True)
class AwsKeys:
    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)
    expires_s: float | None = None


class AwsStandin:
    """directory: for its log and state; made when missing. tls: (certificate file, key file) and
    then the services speak HTTPS (IMDS and the container endpoint never do). taken: ports that
    somebody else is about to use."""

    def __init__(self, directory, tls=None, taken=()):
        self.directory = Path(directory)
        self.tls = [str(p) for p in tls] if tls else None
        self.taken = list(taken)
        self.log_file = self.directory / "aws-standin.log"
        self.container_token = secrets.token_urlsafe(48)
        self.check_secret = secrets.token_urlsafe(24)
        self._control_token = secrets.token_urlsafe(24)
        self._ecs_path = f"/v2/credentials/{uuid.uuid4()}"
        self._process = None
        self.pid = None
        self.ports = {}
        self._owner_pid = os.getpid()  # a forked child must not take the server down

    # --- life ---

    def start(self):
        self.directory.mkdir(parents=True, exist_ok=True)
        config, ready = self.directory / "aws-config.json", self.directory / "aws-ready.json"
        with contextlib.suppress(FileNotFoundError):
            ready.unlink()
        self._write(config, self._config(ready))
        atexit.register(self.close)
        try:
            self._launch(config)
            known = self._wait_for(ready)
            self.pid, self.ports = known["pid"], known["ports"]
            self._write_client_files()
            self.add_user("app")
        except BaseException:
            self.close()
            raise
        finally:
            config.unlink()
        return self

    def _config(self, ready):
        return {"ready": str(ready), "tls": self.tls, "taken": self.taken,
                "control_token": self._control_token, "check_secret": self.check_secret,
                "container_token": self.container_token, "ecs_path": self._ecs_path}

    def _launch(self, config):
        python = PYTHON if Path(PYTHON).exists() else sys.executable
        env = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "PYTHON"))}
        env["PYTHONPATH"] = str(Path(__file__).resolve().parent.parent)
        with open(self.log_file, "ab") as log:
            self._process = subprocess.Popen(
                [python, "-B", "-m", "support.aws_server", str(config)], env=env, cwd="/",
                stdin=subprocess.PIPE,  # its end tells the server that we are gone
                stdout=log, stderr=log, start_new_session=True)

    def _wait_for(self, ready):
        end = time.monotonic() + START_SECONDS_MAX
        while not ready.exists():
            if self._process.poll() is not None or time.monotonic() > end:
                raise StandinError("the AWS stand-in does not start:\n" + self.log_tail())
            time.sleep(0.02)
        return json.loads(ready.read_text(encoding="utf-8"))

    def _write_client_files(self):
        for name in ("aws-config", "aws-credentials"):
            (self.directory / name).write_text("", encoding="utf-8")
        self._write(self.directory / STATE_FILE, {
            "pid": self.pid, "ports": self.ports, "tls": self.tls, "ecs_path": self._ecs_path,
            "control_token": self._control_token, "check_secret": self.check_secret,
            "container_token": self.container_token})

    @staticmethod
    def _write(path, content):
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w",
                  encoding="utf-8") as f:
            json.dump(content, f)

    def close(self):
        """Ends the server by its pid; safe to call again."""
        if os.getpid() != self._owner_pid:
            return
        atexit.unregister(self.close)
        if self._process is not None:
            self._process.stdin.close()
            self._process.terminate()
            try:
                self._process.wait(STOP_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
        elif self.pid is not None and self.running():
            os.kill(self.pid, signal.SIGTERM)
            self._wait_for_end()
        self.pid = None

    def _wait_for_end(self):
        end = time.monotonic() + STOP_SECONDS_MAX
        while self.running():
            if time.monotonic() > end:
                os.kill(self.pid, signal.SIGKILL)
            time.sleep(0.02)

    def running(self):
        """Is the process with our pid still our server, and not a later one of that number?"""
        try:
            words = Path(f"/proc/{self.pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            return False
        return b"support.aws_server" in words and str(self.directory / "aws-config.json").encode() in words

    def detach(self):
        """Leaves the server running when this process ends; attach finds it again."""
        self._control("detach")
        atexit.unregister(self.close)
        self._process.stdin.close()

    def describe(self):
        """What another process needs to find it; holds no secret."""
        return {"dir": str(self.directory), "pid": self.pid, "url": self.url,
                "imds_url": self.imds_url, "container_url": self.container_url,
                "log": str(self.log_file)}

    @classmethod
    def attach(cls, state):
        """The stand-in that another process described and left running."""
        found = cls(state["dir"])
        known = json.loads((found.directory / STATE_FILE).read_text(encoding="utf-8"))
        found.pid, found.ports, found.tls = known["pid"], known["ports"], known["tls"]
        found._control_token, found.check_secret = known["control_token"], known["check_secret"]
        found.container_token, found._ecs_path = known["container_token"], known["ecs_path"]
        return found

    def __enter__(self):
        return self.start()

    def __exit__(self, *exc):
        self.close()

    def log_tail(self, lines=30):
        """What the server process itself complained about; nothing, usually."""
        if not self.log_file.exists():
            return "(no log)"
        return "\n".join(self.log_file.read_text(errors="replace").splitlines()[-lines:])

    # --- how to reach it ---

    @property
    def url(self):
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.ports['service']}"

    @property
    def imds_url(self):
        return f"http://127.0.0.1:{self.ports['imds']}"

    @property
    def container_url(self):
        """EKS Pod Identity's: a full URI that wants container_token as its Authorization."""
        return f"http://127.0.0.1:{self.ports['container']}/v1/credentials"

    @property
    def ecs_url(self):
        """ECS's: a path that nobody can guess, and no token."""
        return f"http://127.0.0.1:{self.ports['container']}{self._ecs_path}"

    @property
    def check_url(self):
        """For a PAM script: POST JSON as check_token's arguments with the header
        X-Check-Secret: check_secret; the answer is {"answer": {"ok": bool, "why": str}}."""
        return f"{self.url}/__control/check_token"

    # --- environments for clients ---

    def base_env(self):
        """Where AWS is, and nobody's keys."""
        env = {
            "AWS_ENDPOINT_URL": self.url, "AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": str(self.directory / "aws-config"),
            "AWS_SHARED_CREDENTIALS_FILE": str(self.directory / "aws-credentials")}
        return dict(env, AWS_CA_BUNDLE=self.tls[0]) if self.tls else env

    def env(self, who="app"):
        """The variables of a user or session by its name."""
        keys = self.keys(who)
        env = self.base_env() | {"AWS_ACCESS_KEY_ID": keys.access_key_id,
                                 "AWS_SECRET_ACCESS_KEY": keys.secret_access_key}
        return dict(env, AWS_SESSION_TOKEN=keys.session_token) if keys.session_token else env

    def instance_env(self):
        """For a client on a machine with an instance profile (instance_role says which)."""
        return self.base_env() | {"AWS_EC2_METADATA_DISABLED": "false",
                                  "AWS_EC2_METADATA_SERVICE_ENDPOINT": self.imds_url}

    def ecs_env(self):
        return self.base_env() | {"AWS_CONTAINER_CREDENTIALS_FULL_URI": self.ecs_url}

    def eks_env(self):
        """Pod Identity: the token is in a file, as there."""
        path = self._token_file("aws-pod-token", self.container_token)
        return self.base_env() | {"AWS_CONTAINER_CREDENTIALS_FULL_URI": self.container_url,
                                  "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": path}

    def web_identity_env(self, role_arn, ttl_s=3600, session_name="web"):
        token = self.web_identity_token(role_arn, ttl_s=ttl_s)
        path = self._token_file(f"aws-web-token-{secrets.token_hex(4)}", token)
        return self.base_env() | {"AWS_ROLE_ARN": role_arn, "AWS_WEB_IDENTITY_TOKEN_FILE": path,
                                  "AWS_ROLE_SESSION_NAME": session_name}

    def _token_file(self, name, token):
        path = self.directory / name
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w",
                  encoding="utf-8") as f:
            f.write(token)
        return str(path)

    # --- who ---

    def add_user(self, name, account=ACCOUNT):
        return AwsKeys(**self._control("add_user", name=name, account=account))

    def add_session(self, name, of="app", ttl_s=3600):
        """Temporary keys, known as name, of a user by its name or of a role by its ARN."""
        return AwsKeys(**self._control("add_session", name=name, of=of, ttl_s=ttl_s))

    def keys(self, name):
        """Of a user or session by name, or any keys by their access key id."""
        return AwsKeys(**self._control("keys_of", name=name))

    def remove_keys(self, name):
        """As if an administrator had deleted them."""
        self._control("remove_keys", name=name)

    def expire(self, name):
        """Ends a session (by name or access key id) now."""
        self._control("expire", name=name)

    def add_role(self, arn, trust=("*",), external_id=None, ttl_s=3600, allow_tag_session=True):
        """trust: ARNs of users, roles or account roots, or "*". ttl_s: the longest session; less
        than an hour is possible here, for tests that cannot wait."""
        self._control("add_role", arn=arn, trust=list(trust), external_id=external_id, ttl_s=ttl_s,
                      allow_tag_session=allow_tag_session)
        return arn

    def remove_role(self, arn):
        self._control("remove_role", arn=arn)

    def web_identity_token(self, role_arn, subject="system:serviceaccount:lab:sluice", ttl_s=3600):
        """A token with which AssumeRoleWithWebIdentity gives this role."""
        return self._control("web_identity_token", role_arn=role_arn, subject=subject, ttl_s=ttl_s)

    def instance_role(self, role_arn, ttl_s=3600, region=REGION):
        """What IMDS hands out from now on, with fresh keys; None: no instance profile."""
        self._control("instance_role", role_arn=role_arn, ttl_s=ttl_s, region=region)

    def container_role(self, role_arn, ttl_s=3600):
        """What the container endpoint hands out from now on, with fresh keys."""
        self._control("container_role", role_arn=role_arn, ttl_s=ttl_s)

    # --- Secrets Manager ---

    def put_secret(self, name, value, kms_key=None, region=REGION, account=ACCOUNT):
        """Its ARN. A dict becomes JSON. A secret of that name gets a new current version."""
        return self._control("put_secret", name=name, value=_value(value), kms_key=kms_key,
                             region=region, account=account)

    def rotate(self, arn, value=None, pending=None):
        """rotate(arn, v, pending=True): v becomes AWSPENDING, nothing else changes.
        rotate(arn): the pending version becomes AWSCURRENT and the current one AWSPREVIOUS.
        rotate(arn, v): both at once. Gives the version's id."""
        return self._control("rotate", arn=arn, value=None if value is None else _value(value),
                             pending=bool(pending))

    def set_stages(self, arn, version_id, stages):
        """Exactly these stages for a version; they are taken from the others."""
        self._control("set_stages", arn=arn, version_id=version_id, stages=list(stages))

    def versions(self, arn):
        """Version id: stages."""
        return self._control("versions", arn=arn)

    def secret_value(self, arn, stage="AWSCURRENT"):
        """What is stored, without asking as anybody; None when no version has the stage."""
        return self._control("reveal", arn=arn, stage=stage)

    def delete_secret(self, arn):
        """Schedules it for deletion, as DeleteSecret does."""
        self._control("delete_secret", arn=arn)

    def restore_secret(self, arn):
        self._control("restore_secret", arn=arn)

    # --- KMS ---

    def create_key(self, alias=None, region=REGION, account=ACCOUNT):
        return self._control("create_key", alias=alias, region=region, account=account)

    def encrypt(self, key, plain, context=None):
        return self._control("encrypt", key=key, plain=bytes(plain), context=context or {})

    def disable_key(self, arn):
        self._control("set_key_state", key=arn, state="Disabled")

    def enable_key(self, arn):
        self._control("set_key_state", key=arn, state="Enabled")

    def schedule_key_deletion(self, arn):
        self._control("set_key_state", key=arn, state="PendingDeletion")

    # --- RDS ---

    def add_cluster(self, id, endpoint, port, iam=True, limitless=False, resource_id=None, reader="",
                    engine="aurora-postgresql", status="available", master_secret_arn="",
                    region=REGION, account=ACCOUNT):
        """Its resource id."""
        return self._control(
            "add_database", kind="cluster", id=id, endpoint=endpoint, port=port, iam=iam,
            limitless=limitless, resource_id=resource_id, reader=reader, engine=engine,
            status=status, master_secret_arn=master_secret_arn, region=region, account=account)

    def add_instance(self, id, endpoint, port, iam=True, resource_id=None, cluster_id="",
                     engine="postgres", status="available", master_secret_arn="", region=REGION,
                     account=ACCOUNT):
        return self._control(
            "add_database", kind="db", id=id, endpoint=endpoint, port=port, iam=iam,
            resource_id=resource_id, cluster_id=cluster_id, engine=engine, status=status,
            master_secret_arn=master_secret_arn, region=region, account=account)

    def set_database(self, id, **facts):
        """Changes what add_cluster or add_instance said."""
        self._control("set_database", id=id, **facts)

    def remove_database(self, id):
        self._control("remove_database", id=id)

    def rds_page(self, size):
        """No Describe reply has more than this many entries; None: as the client asks."""
        self._control("rds_page", size=size)

    def check_token(self, user, token, host=None, port=None, region=None, resource_id=None,
                    cluster=None):
        """(ok, why): what a database does with an IAM password. cluster (an id, ARN or resource id
        of a cluster or instance) gives what is left out. host: one name or several."""
        answer = self._control("check_token", user=user, token=token, host=host, port=port,
                               region=region, resource_id=resource_id, cluster=cluster)
        return answer["ok"], answer["why"]

    # --- switches ---

    def deny(self, action, resource="*", principal="*"):
        """Takes a permission away: patterns with * and ?, as in a policy. principal: an ARN (of a
        user, session or role) or an account."""
        self._control("deny", action=action, resource=resource, principal=principal)

    def undeny(self):
        self._control("undeny")

    def fault(self, action="*", n=None, seconds=None, status=None, code=None, delay_s=0, body=None,
              drop=False, hang=False):
        """The next n requests (None: all), for some seconds (None: until clear_faults), go wrong.
        action: "GetSecretValue", "sts:*", "imds:token", "imds:credentials", "imds:metadata",
        "container:credentials"; "rds-db:connect" makes check_token say no ("*" does not). delay_s
        alone only delays. body: raw bytes instead of a reply. drop: closes without an answer. hang:
        never answers, until clear_faults."""
        self._control("fault", action=action, n=n, seconds=seconds, status=status, code=code,
                      delay_s=delay_s, body=body, drop=drop, hang=hang)

    def clear_faults(self):
        self._control("clear_faults")

    def skew(self, seconds):
        """AWS's clock is ahead of ours by so much; the Date of every reply says so."""
        self._control("skew", seconds=seconds)

    def role_ttl(self, seconds):
        """No session lives longer; None: as roles say."""
        self._control("role_ttl", seconds=seconds)

    def token_life(self, seconds):
        """How old a database token may be; 900 to begin with."""
        self._control("token_life", seconds=seconds)

    def only_regions(self, *regions):
        """Requests for any other Region are refused; without arguments every Region is there."""
        self._control("only_regions", regions=list(regions) or None)

    def reset(self):
        """All switches as they were at the start; who and what there is stays."""
        self.clear_faults()
        self.undeny()
        self.skew(0)
        self.role_ttl(None)
        self.token_life(900)
        self.rds_page(None)
        self.only_regions()

    # --- the log ---

    def log(self):
        """Every request: service, operation, access_key_id, principal, status (0: no answer), code,
        at, and for checks of tokens user, host, port, ok, why and a hash of the token."""
        return self._control("log")

    def clear_log(self):
        self._control("clear_log")

    def calls(self, operation):
        """How many requests of "GetSecretValue" or "sts:AssumeRole" there were."""
        service, _, name = operation.rpartition(":")
        return sum(e["operation"] == name and service in ("", e["service"]) for e in self.log())

    def tokens_seen(self):
        """The hashes of the distinct database tokens that were checked."""
        return {e["token"] for e in self.log() if e["service"] == "rds-db"}

    # --- the control path ---

    def _control(self, name, /, **arguments):
        connection = self._connection()
        try:
            connection.request("POST", f"/__control/{name}", json.dumps(_pack(arguments)),
                               {"X-Control-Token": self._control_token, "Connection": "close"})
            reply = connection.getresponse()
            read = json.loads(reply.read() or b"{}")
        except OSError as e:
            raise StandinError(f"the AWS stand-in does not answer ({e}):\n{self.log_tail()}") from e
        finally:
            connection.close()
        if reply.status != 200:
            raise StandinError(read.get("error", f"status {reply.status}"))
        return _unpack(read["answer"])

    def _connection(self):
        if not self.tls:
            return http.client.HTTPConnection("127.0.0.1", self.ports["service"], timeout=60)
        context = ssl.create_default_context(cafile=self.tls[0])
        return http.client.HTTPSConnection("127.0.0.1", self.ports["service"], timeout=60,
                                           context=context)


def _value(value):
    return json.dumps(value) if isinstance(value, dict) else value


def _pack(value):
    if isinstance(value, bytes):
        return {"b64": base64.b64encode(value).decode()}
    return {k: _pack(v) for k, v in value.items()} if isinstance(value, dict) else value


def _unpack(value):
    if isinstance(value, dict) and set(value) == {"b64"}:
        return base64.b64decode(value["b64"])
    return value

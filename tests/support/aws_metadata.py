"""Where a machine finds its own keys: IMDSv2, and the container endpoint of ECS and EKS.

Both hand out sessions of a role. IMDS demands its token; the ECS path needs none, EKS Pod Identity
wants the Authorization token. A plain reply here is (status, body, content type, headers).
"""

import hmac
import json
import re
import secrets
import time

from support.aws_sts import moment

BASE = "/latest/meta-data/iam/security-credentials"
TOKEN_TTL_S_MAX = 21600
EKS_PATH = "/v1/credentials"


class Source:
    """The role whose keys an endpoint hands out; None: there is no role."""

    def __init__(self, state, session_name):
        self.state = state
        self.session_name = session_name
        self.role_arn = None
        self.ttl_s = 3600.0
        self.keys = None

    def set(self, role_arn, ttl_s):
        self.role_arn, self.ttl_s, self.keys = role_arn, ttl_s, None

    def current(self):
        """The same keys until shortly before they expire, as the real endpoints do."""
        with self.state.lock:
            if self.role_arn not in self.state.roles:
                return None
            left_s = self.keys.expires_s - self.state.now_s() if self.keys else 0
            if left_s <= min(300.0, self.ttl_s / 10):
                role = self.state.roles[self.role_arn]
                self.keys = self.state.assume(role, self.session_name, self.ttl_s)
            return self.keys


def _iso(unix_s):
    return moment(unix_s).strftime("%Y-%m-%dT%H:%M:%SZ")


class Imds:
    service = "imds"

    def __init__(self, state):
        self.state = state
        self.source = Source(state, "i-0123456789abcdef0")
        self.region = "us-east-1"
        self.tokens = {}

    def operation(self, method, path):
        if method == "PUT":
            return "token"
        return "credentials" if path.startswith(BASE) else "metadata"

    def answer(self, method, path, headers):
        if method == "PUT":
            return self._new_token(path, headers)
        if method != "GET":
            return 405, b"", "text/html", {}
        if self.tokens.get(headers.get("x-aws-ec2-metadata-token", ""), 0) < time.monotonic():
            return 401, b"", "text/html", {}
        text = self._text(path)
        if text is None:
            return 404, b"<html><title>404 - Not Found</title></html>", "text/html", {}
        return 200, text.encode(), "text/plain", {}

    def _new_token(self, path, headers):
        name = "x-aws-ec2-metadata-token-ttl-seconds"
        if path != "/latest/api/token":
            return 404, b"", "text/html", {}
        if headers.get("x-forwarded-for"):
            return 403, b"", "text/html", {}
        ttl = headers.get(name, "")
        if not re.fullmatch("[0-9]{1,5}", ttl) or not 1 <= int(ttl) <= TOKEN_TTL_S_MAX:
            return 400, b"", "text/html", {}
        token = secrets.token_urlsafe(40) + "=="
        self.tokens[token] = time.monotonic() + int(ttl)
        return 200, token.encode(), "text/plain", {name: ttl}

    def _text(self, path):
        if path.rstrip("/") == BASE or path.startswith(BASE + "/"):
            return self._credentials(path[len(BASE):].strip("/"))
        return {
            "/latest/meta-data/placement/region": self.region,
            "/latest/meta-data/placement/availability-zone": self.region + "b",
            "/latest/meta-data/instance-id": "i-0123456789abcdef0",
            "/latest/dynamic/instance-identity/document": json.dumps(
                {"region": self.region, "instanceId": "i-0123456789abcdef0"}),
        }.get(path.rstrip("/"))

    def _credentials(self, name):
        keys = self.source.current()
        if keys is None:
            return None
        role = self.source.role_arn.rsplit("/", 1)[1]
        if not name:
            return role
        return json.dumps({
            "Code": "Success", "LastUpdated": _iso(self.state.now_s()), "Type": "AWS-HMAC",
            "AccessKeyId": keys.access_key_id, "SecretAccessKey": keys.secret_access_key,
            "Token": keys.session_token, "Expiration": _iso(keys.expires_s),
        }, indent=2) if name == role else None


class Container:
    service = "container"

    def __init__(self, state, token, ecs_path):
        self.state = state
        self.source = Source(state, "task-1")
        self.token = token
        self.ecs_path = ecs_path

    def operation(self, _method, _path):
        return "credentials"

    def answer(self, method, path, headers):
        if method != "GET":
            return self._refuse(405, "MethodNotAllowed")
        if path == EKS_PATH:
            given = headers.get("authorization", "")
            if not hmac.compare_digest(given.encode(), self.token.encode()):
                return self._refuse(401, "Unauthorized")
        elif path != self.ecs_path:
            return self._refuse(404, "InvalidIdInRequest")
        keys = self.source.current()
        if keys is None:
            return self._refuse(404, "NoIamRole")
        body = {"RoleArn": self.source.role_arn, "AccessKeyId": keys.access_key_id,
                "SecretAccessKey": keys.secret_access_key, "Token": keys.session_token,
                "AccountId": keys.principal.account, "Expiration": _iso(keys.expires_s)}
        return 200, json.dumps(body).encode(), "application/json", {}

    def _refuse(self, status, code):
        body = {"code": code, "message": "refused by the stand-in"}
        return status, json.dumps(body).encode(), "application/json", {}

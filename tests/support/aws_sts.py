"""Security Token Service: roles, their trust, and the keys that come of assuming one."""

import base64
import datetime as dt
import json
import re
import secrets

from support.aws_errors import AwsError, denied

CHAINED_S_MAX = 3600
LONGEST_S = 3600  # of a role whose maximum nobody raised


class Sts:
    def __init__(self, state):
        self.state = state
        self.operations = {
            "AssumeRole": self.assume_role, "GetCallerIdentity": self.get_caller_identity,
            "AssumeRoleWithWebIdentity": self.assume_role_with_web_identity,
        }
        self.unsigned = {"AssumeRoleWithWebIdentity"}

    def get_caller_identity(self, caller, _given):
        """Needs no permission, in AWS neither."""
        who = caller.principal
        return {"UserId": who.user_id, "Account": who.account, "Arn": who.arn}

    def assume_role(self, caller, given):
        arn, who = _role_arn(given), caller.principal
        role = self.state.roles.get(arn)
        if role is None or not _trusts(role, who) or self.state.denies(who, "sts:AssumeRole", arn):
            raise denied(who.arn, "sts:AssumeRole", arn, why="")
        if role.external_id is not None and given.get("ExternalId") != role.external_id:
            raise denied(who.arn, "sts:AssumeRole", arn, why="")
        if given.get("Tags") and (not role.allow_tag_session
                                  or self.state.denies(who, "sts:TagSession", arn)):
            raise denied(who.arn, "sts:TagSession", arn, why="")
        _check_tags(given.get("Tags", []))
        wanted_s = _duration(role, given)
        if who.role_arn and wanted_s > CHAINED_S_MAX:
            raise AwsError("Invalid", "The requested DurationSeconds exceeds the 1 hour session limit"
                                      " for roles assumed by role chaining")
        return self._session(role, given["RoleSessionName"], wanted_s)

    def assume_role_with_web_identity(self, _caller, given):
        arn, token = _role_arn(given), given["WebIdentityToken"]
        if token not in self.state.web_tokens:
            raise AwsError("InvalidIdentityToken", "Couldn't retrieve verification key from your"
                                                   " identity provider")
        role_arn, subject, expires_s = self.state.web_tokens[token]
        if self.state.now_s() >= expires_s:
            raise AwsError("ExpiredTokenException", "Token expired")
        if arn != role_arn or arn not in self.state.roles:
            raise AwsError("Denied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")
        role = self.state.roles[arn]
        made = self._session(role, given["RoleSessionName"], _duration(role, given))
        return made | {"SubjectFromWebIdentityToken": subject, "Audience": "sts.amazonaws.com",
                       "Provider": "https://oidc.eks.us-east-1.amazonaws.com/id/LAB"}

    def _session(self, role, session_name, wanted_s):
        keys = self.state.assume(role, session_name, wanted_s)
        who = keys.principal
        return {
            "Credentials": {
                "AccessKeyId": keys.access_key_id, "SecretAccessKey": keys.secret_access_key,
                "SessionToken": keys.session_token, "Expiration": moment(keys.expires_s)},
            "AssumedRoleUser": {"AssumedRoleId": who.user_id, "Arn": who.arn},
            "PackedPolicySize": 6}

    def new_web_token(self, role_arn, subject, ttl_s):
        """Something that looks like a cluster's service account token, known to us alone."""
        expires_s = self.state.now_s() + ttl_s
        claims = {"aud": ["sts.amazonaws.com"], "sub": subject, "exp": int(expires_s)}
        words = [json.dumps({"alg": "RS256", "kid": "lab"}).encode(), json.dumps(claims).encode(),
                 secrets.token_bytes(256)]
        token = ".".join(base64.urlsafe_b64encode(w).decode().rstrip("=") for w in words)
        self.state.web_tokens[token] = (role_arn, subject, expires_s)
        return token


def moment(unix_s):
    return dt.datetime.fromtimestamp(int(unix_s), dt.timezone.utc)


def _role_arn(given):
    arn = given["RoleArn"]
    if not re.fullmatch(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/.+", arn):
        raise AwsError("Invalid", f"{arn} is invalid")
    return arn


def _trusts(role, who):
    """A role of another account, as of one's own, must name the caller or all of its account."""
    return any(t == "*" or t in who.names() for t in role.trust)


def _duration(role, given):
    wanted_s = given.get("DurationSeconds", LONGEST_S)
    if wanted_s > max(role.ttl_s, LONGEST_S):
        raise AwsError("Invalid", "The requested DurationSeconds exceeds the MaxSessionDuration set"
                                  " for this role.")
    return wanted_s


def _check_tags(tags):
    names = [t["Key"].lower() for t in tags]
    if len(set(names)) != len(names):
        raise AwsError("InvalidParameterValue", "Duplicate tag keys found.")

"""Secrets Manager: versions, stages, deletion, and values that only KMS can open."""

import datetime as dt
import secrets
import string
import uuid
from dataclasses import dataclass, field

from support.aws_errors import AwsError

CURRENT, PENDING, PREVIOUS = "AWSCURRENT", "AWSPENDING", "AWSPREVIOUS"
VALUE_BYTES_MAX = 65536
NOT_FOUND = "Secrets Manager can't find the specified secret"
DELETED = "You can't perform this operation on the secret because it was marked for deletion."


def now():
    return dt.datetime.now(dt.timezone.utc)


@dataclass
class Version:
    id: str
    kind: str  # "SecretString" or "SecretBinary"
    blob: bytes = field(repr=False)
    created: dt.datetime = field(default_factory=now)
    stages: list = field(default_factory=list)


@dataclass
class Secret:
    arn: str
    name: str
    key_arn: str
    own_key: bool  # a customer's key, not the account's default
    versions: dict = field(default_factory=dict)
    created: dt.datetime = field(default_factory=now)
    deleted: dt.datetime | None = None
    rotates: bool = False

    def staged(self, stage):
        return next((v for v in self.versions.values() if stage in v.stages), None)

    def move(self, stage, version):
        """A stage is on one version only; the last one to be current becomes the previous one."""
        holder = self.staged(stage)
        if holder is version:
            return
        if holder is not None:
            holder.stages.remove(stage)
            if stage == CURRENT:
                self.move(PREVIOUS, holder)
        if stage == CURRENT and PREVIOUS in version.stages:
            version.stages.remove(PREVIOUS)
        version.stages.append(stage)

    def context(self, version_id):
        return {"SecretARN": self.arn, "SecretVersionId": version_id}


class Secrets:
    def __init__(self, state, kms):
        self.state = state
        self.kms = kms
        self.secrets = {}  # by ARN
        self.operations = {
            "GetSecretValue": self.get_secret_value, "DescribeSecret": self.describe_secret,
            "PutSecretValue": self.put_secret_value, "CreateSecret": self.create_secret,
        }

    # --- the store ---

    def find(self, name, region, account):
        """By name, by ARN, or by an ARN without the six characters that AWS appends; or None."""
        for secret in self.secrets.values():
            if name in (secret.arn, secret.arn[:-7]):
                return secret if secret.arn.split(":")[3] == region else None
            if name == secret.name and secret.arn.split(":")[3:5] == [region, account]:
                return secret
        return None

    def create(self, name, region, account, key_arn=None):
        tail = "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(6))
        arn = f"arn:aws:secretsmanager:{region}:{account}:secret:{name}-{tail}"
        key = key_arn or self.kms.default_key(region, account, "secretsmanager").arn
        self.secrets[arn] = Secret(arn, name, key, own_key=key_arn is not None)
        return self.secrets[arn]

    def add_version(self, secret, value, stages=(CURRENT,), version_id=None, seal=None):
        """value: text or bytes. seal: how to encrypt; without it, as the owner of everything."""
        plain = value.encode() if isinstance(value, str) else value
        version_id = version_id or str(uuid.uuid4())
        seal = seal or self.kms.keys[secret.key_arn].seal
        blob = seal(plain, secret.context(version_id))
        version = Version(version_id, "SecretString" if isinstance(value, str) else "SecretBinary", blob)
        secret.versions[version_id] = version
        for stage in stages:
            secret.move(stage, version)
        return version

    def reveal(self, secret, version):
        """The value, for the control path."""
        plain = self.kms.keys[secret.key_arn].open(version.blob, secret.context(version.id))
        return plain.decode() if version.kind == "SecretString" else plain

    # --- operations ---

    def _named(self, caller, given, action):
        name = given["SecretId"]
        secret = self.find(name, caller.region, caller.principal.account)
        self.state.authorize(caller, f"secretsmanager:{action}", secret.arn if secret else name)
        if secret is None:
            raise AwsError("ResourceNotFoundException", NOT_FOUND + ".")
        return secret

    def get_secret_value(self, caller, given):
        secret = self._named(caller, given, "GetSecretValue")
        if secret.deleted:
            raise AwsError("InvalidRequestException", DELETED)
        version = self._version(secret, given)
        plain = self._open(caller, secret, version)
        return {"ARN": secret.arn, "Name": secret.name, "VersionId": version.id,
                version.kind: plain.decode() if version.kind == "SecretString" else plain,
                "VersionStages": list(version.stages), "CreatedDate": version.created}

    def _version(self, secret, given):
        if "VersionId" not in given:
            stage = given.get("VersionStage", CURRENT)
            version = secret.staged(stage)
            if version is None:
                raise AwsError("ResourceNotFoundException",
                               f"{NOT_FOUND} value for staging label: {stage}")
            return version
        version = secret.versions.get(given["VersionId"])
        if version is None:
            raise AwsError("ResourceNotFoundException",
                           f"{NOT_FOUND} value for VersionId: {given['VersionId']}")
        if "VersionStage" in given and given["VersionStage"] not in version.stages:
            raise AwsError("InvalidRequestException", "You provided a VersionStage that is not"
                                                      " associated to the provided VersionId.")
        return version

    def _open(self, caller, secret, version):
        """KMS is asked as the caller; its refusals come back under Secrets Manager's own names."""
        if not secret.own_key:
            return self.kms.keys[secret.key_arn].open(version.blob, secret.context(version.id))
        try:
            return self.kms.open_for(caller, secret.key_arn, version.blob, secret.context(version.id))
        except AwsError as e:
            raise _kms_refusal(e, "DecryptionFailure", "decrypt") from None

    def describe_secret(self, caller, given):
        secret = self._named(caller, given, "DescribeSecret")
        staged = {v.id: list(v.stages) for v in secret.versions.values() if v.stages}
        return {"ARN": secret.arn, "Name": secret.name, "CreatedDate": secret.created,
                "KmsKeyId": secret.key_arn if secret.own_key else None,
                "RotationEnabled": True if secret.rotates else None,
                "DeletedDate": secret.deleted, "VersionIdsToStages": staged} | _changed(secret)

    def put_secret_value(self, caller, given):
        secret = self._named(caller, given, "PutSecretValue")
        if secret.deleted:
            raise AwsError("InvalidRequestException", DELETED)
        version = self._store(caller, secret, given, given.get("VersionStages", [CURRENT]))
        return {"ARN": secret.arn, "Name": secret.name, "VersionId": version.id,
                "VersionStages": list(version.stages)}

    def create_secret(self, caller, given):
        name, region, account = given["Name"], caller.region, caller.principal.account
        self.state.authorize(caller, "secretsmanager:CreateSecret",
                             f"arn:aws:secretsmanager:{region}:{account}:secret:{name}")
        if self.find(name, region, account):
            raise AwsError("ResourceExistsException", f"The operation failed because the secret {name}"
                                                      " already exists.")
        key = self.kms.find(given["KmsKeyId"], region, account).arn if "KmsKeyId" in given else None
        secret = self.create(name, region, account, key)
        made = {"ARN": secret.arn, "Name": name}
        if "SecretString" in given or "SecretBinary" in given:
            try:
                made["VersionId"] = self._store(caller, secret, given, [CURRENT]).id
            except AwsError:
                del self.secrets[secret.arn]
                raise
        return made

    def _store(self, caller, secret, given, stages):
        if ("SecretString" in given) == ("SecretBinary" in given):
            raise AwsError("InvalidParameterException",
                           "You must provide either SecretString or SecretBinary.")
        value = given.get("SecretString", given.get("SecretBinary"))
        token = given.get("ClientRequestToken")
        if token in secret.versions:
            if self.reveal(secret, secret.versions[token]) != value:
                raise AwsError("ResourceExistsException", "You can't use ClientRequestToken"
                                                          f" {token} because that value is in use.")
            return secret.versions[token]
        seal = None
        if secret.own_key:
            def seal(plain, context):
                return self.kms.seal_for(caller, secret.key_arn, plain, context)
        try:
            return self.add_version(secret, value, stages, token, seal)
        except AwsError as e:
            raise _kms_refusal(e, "EncryptionFailure", "encrypt") from None


def _changed(secret):
    newest = max((v.created for v in secret.versions.values()), default=None)
    return {"LastChangedDate": newest} if newest else {}


def _kms_refusal(error, code, verb):
    if error.code == "Denied":
        return AwsError("Denied", "Access to KMS is not allowed")
    return AwsError(code, f"Secrets Manager can't {verb} the protected secret text using the provided"
                          f" KMS key. ({error.message})")

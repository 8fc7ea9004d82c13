"""Key Management Service, as far as a reader of secrets meets it.

A ciphertext names its key and binds its encryption context: an XOR stream and a tag, both from
HMAC-SHA256. That is a stand-in's cipher and nothing to protect anything with.
"""

import datetime as dt
import hashlib
import hmac
import json
import secrets
import uuid
from dataclasses import dataclass, field

from support.aws_errors import AwsError
from support.aws_state import account_of

MAGIC = b"\x01\x02\x02\x00"  # how real ones begin
NONCE_BYTES, TAG_BYTES = 16, 32
HEAD_BYTES = len(MAGIC) + 16 + NONCE_BYTES
ALGORITHM = "SYMMETRIC_DEFAULT"
USABLE = "Enabled"


@dataclass
class Key:
    arn: str
    created: dt.datetime
    state: str = USABLE
    manager: str = "CUSTOMER"
    material: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)

    @property
    def id(self):
        return self.arn.rsplit("/", 1)[1]

    def _stream(self, nonce, length):
        blocks = (hmac.digest(self.material, nonce + n.to_bytes(8, "big"), hashlib.sha256)
                  for n in range(length // 32 + 1))
        return b"".join(blocks)[:length]

    def _tag(self, head, body, context):
        bound = json.dumps(context, sort_keys=True).encode()
        return hmac.digest(self.material, b"tag" + head + body + bound, hashlib.sha256)

    def seal(self, plain, context):
        nonce = secrets.token_bytes(NONCE_BYTES)
        head = MAGIC + uuid.UUID(self.id).bytes + nonce
        body = bytes(a ^ b for a, b in zip(plain, self._stream(nonce, len(plain))))
        return head + body + self._tag(head, body, context)

    def open(self, blob, context):
        head, body, tag = blob[:HEAD_BYTES], blob[HEAD_BYTES:-TAG_BYTES], blob[-TAG_BYTES:]
        if not hmac.compare_digest(tag, self._tag(head, body, context)):
            raise AwsError("InvalidCiphertextException", "")
        stream = self._stream(head[-NONCE_BYTES:], len(body))
        return bytes(a ^ b for a, b in zip(body, stream))


class Kms:
    def __init__(self, state):
        self.state = state
        self.keys = {}  # by ARN
        self.aliases = {}  # alias ARN: key ARN
        self.operations = {
            "Decrypt": self.decrypt, "Encrypt": self.encrypt,
            "GenerateDataKey": self.generate_data_key, "DescribeKey": self.describe_key,
        }

    # --- keys ---

    def create_key(self, region, account, alias=None, manager="CUSTOMER"):
        arn = f"arn:aws:kms:{region}:{account}:key/{uuid.uuid4()}"
        key = Key(arn, dt.datetime.now(dt.timezone.utc), manager=manager)
        self.keys[arn] = key
        if alias:
            name = alias if alias.startswith("alias/") else f"alias/{alias}"
            self.aliases[f"arn:aws:kms:{region}:{account}:{name}"] = arn
        return key

    def default_key(self, region, account, service):
        """The key that AWS keeps for a service, made when first needed."""
        alias = f"arn:aws:kms:{region}:{account}:alias/aws/{service}"
        if alias not in self.aliases:
            self.create_key(region, account, f"alias/aws/{service}", manager="AWS")
        return self.keys[self.aliases[alias]]

    def find(self, name, region, account):
        """By id, alias or ARN of either."""
        arn = name
        if not name.startswith("arn:"):
            kind = name if name.startswith("alias/") else f"key/{name}"
            arn = f"arn:aws:kms:{region}:{account}:{kind}"
        elif name.split(":")[3] != region:
            raise AwsError("NotFoundException", f"Invalid arn {name.split(':')[3]}")
        if ":alias/" in arn:
            if arn not in self.aliases:
                raise AwsError("NotFoundException", f"Alias {arn} is not found.")
            arn = self.aliases[arn]
        if arn not in self.keys:
            raise AwsError("NotFoundException", f"Key '{arn}' does not exist")
        return self.keys[arn]

    def _usable(self, caller, name, action):
        if name.startswith("arn:") and account_of(name) != caller.principal.account:
            self.state.authorize(caller, action, name)  # before it tells whether there is one
        key = self.find(name, caller.region, caller.principal.account)
        self.state.authorize(caller, action, key.arn)
        if key.state == "Disabled":
            raise AwsError("DisabledException", f"{key.arn} is disabled.")
        if key.state != USABLE:
            raise AwsError("KMSInvalidStateException", f"{key.arn} is pending deletion.")
        return key

    # --- operations ---

    def encrypt(self, caller, given):
        key = self._usable(caller, given["KeyId"], "kms:Encrypt")
        _check_algorithm(given)
        blob = key.seal(given["Plaintext"], given.get("EncryptionContext", {}))
        return {"CiphertextBlob": blob, "KeyId": key.arn, "EncryptionAlgorithm": ALGORITHM}

    def decrypt(self, caller, given):
        key = self._key_of(caller, given["CiphertextBlob"])
        if "KeyId" in given:
            named = self._usable(caller, given["KeyId"], "kms:Decrypt")
            if named is not key:
                raise AwsError("IncorrectKeyException",
                               "The key ID in the request does not identify a CMK that can perform"
                               " this operation.")
        if key is None:
            raise AwsError("Denied", "The ciphertext refers to a customer master key that does not"
                                     " exist, does not exist in this region, or you are not allowed"
                                     " to access.")
        self._usable(caller, key.arn, "kms:Decrypt")
        _check_algorithm(given)
        plain = key.open(given["CiphertextBlob"], given.get("EncryptionContext", {}))
        return {"KeyId": key.arn, "Plaintext": plain, "EncryptionAlgorithm": ALGORITHM}

    def _key_of(self, caller, blob):
        """The key that a ciphertext names, if it is in the caller's Region."""
        if not blob.startswith(MAGIC) or len(blob) < HEAD_BYTES + TAG_BYTES:
            raise AwsError("InvalidCiphertextException", "")
        key_id = str(uuid.UUID(bytes=blob[len(MAGIC):len(MAGIC) + 16]))
        return next((k for k in self.keys.values()
                     if k.id == key_id and k.arn.split(":")[3] == caller.region), None)

    def generate_data_key(self, caller, given):
        key = self._usable(caller, given["KeyId"], "kms:GenerateDataKey")
        if ("KeySpec" in given) == ("NumberOfBytes" in given):
            raise AwsError("Invalid", "Please specify either number of bytes or key spec.")
        length = given.get("NumberOfBytes") or {"AES_256": 32, "AES_128": 16}[given["KeySpec"]]
        plain = secrets.token_bytes(length)
        blob = key.seal(plain, given.get("EncryptionContext", {}))
        return {"CiphertextBlob": blob, "Plaintext": plain, "KeyId": key.arn}

    def describe_key(self, caller, given):
        name = given["KeyId"]
        if name.startswith("arn:"):
            self.state.authorize(caller, "kms:DescribeKey", name)
        key = self.find(name, caller.region, caller.principal.account)
        self.state.authorize(caller, "kms:DescribeKey", key.arn)
        return {"KeyMetadata": {
            "AWSAccountId": account_of(key.arn), "KeyId": key.id, "Arn": key.arn,
            "CreationDate": key.created, "Enabled": key.state == USABLE, "Description": "",
            "KeyUsage": "ENCRYPT_DECRYPT", "KeyState": key.state, "Origin": "AWS_KMS",
            "KeyManager": key.manager, "CustomerMasterKeySpec": ALGORITHM, "KeySpec": ALGORITHM,
            "EncryptionAlgorithms": [ALGORITHM], "MultiRegion": False}}

    def open_for(self, caller, key_arn, blob, context):
        """Decrypt as another service does it on the caller's behalf."""
        key = self._usable(caller, key_arn, "kms:Decrypt")
        return key.open(blob, context)

    def seal_for(self, caller, key_arn, plain, context):
        return self._usable(caller, key_arn, "kms:GenerateDataKey").seal(plain, context)


def _check_algorithm(given):
    if given.get("EncryptionAlgorithm", ALGORITHM) != ALGORITHM:
        raise AwsError("InvalidKeyUsageException", "the key is a symmetric one")

"""The control path: what a test tells the stand-in, one public method of Control each.

Arguments and answers are JSON; bytes travel as {"b64": "..."}.
"""

import base64

from support.aws_errors import AwsError
from support.aws_secrets import CURRENT, PENDING, now
from support.aws_state import Fault, Role


class ControlError(Exception):
    """The test asked for something that cannot be."""


def pack(value):
    if isinstance(value, bytes):
        return {"b64": base64.b64encode(value).decode()}
    if isinstance(value, dict):
        return {k: pack(v) for k, v in value.items()}
    return [pack(v) for v in value] if isinstance(value, (list, tuple)) else value


def unpack(value):
    if isinstance(value, dict):
        if set(value) == {"b64"}:
            return base64.b64decode(value["b64"])
        return {k: unpack(v) for k, v in value.items()}
    return [unpack(v) for v in value] if isinstance(value, list) else value


class Control:
    """site: what aws_server.Site holds (state, kms, secrets, sts, rds, imds, container)."""

    def __init__(self, site):
        self._site = site
        self._state = site.state

    def call(self, name, arguments):
        method = None if name.startswith("_") or name == "call" else getattr(self, name, None)
        if method is None:
            raise ControlError(f"no control {name}")
        try:
            with self._state.lock:
                return pack(method(**unpack(arguments)))
        except (AwsError, KeyError, TypeError) as e:
            raise ControlError(f"{name}: {type(e).__name__}: {e}") from None

    def ping(self):
        return {"now_s": self._state.now_s()}

    def detach(self):
        """The launcher's end is no longer ours."""
        self._site.detached = True

    # --- who ---

    def add_user(self, name, account):
        return self._state.add_user(name, account).public()

    def add_session(self, name, of, ttl_s):
        return self._state.add_session(name, of, ttl_s).public()

    def keys_of(self, name):
        return self._keys(name).public()

    def remove_keys(self, name):
        self._state.remove_keys(self._state.names[name])

    def expire(self, name):
        """As if the session's time were up."""
        keys = self._keys(name)
        if keys.session_token is None:
            raise ControlError(f"{name} has long-term keys, which do not expire")
        changed = type(keys)(keys.access_key_id, keys.secret_access_key, keys.principal,
                             keys.session_token, self._state.now_s() - 1)
        self._state.keys[keys.access_key_id] = changed

    def _keys(self, name):
        return self._state.keys[self._state.names.get(name, name)]

    def add_role(self, arn, trust, external_id, ttl_s, allow_tag_session):
        self._state.roles[arn] = Role(arn, trust, external_id, ttl_s, allow_tag_session)

    def remove_role(self, arn):
        del self._state.roles[arn]

    def web_identity_token(self, role_arn, subject, ttl_s):
        return self._site.sts.new_web_token(role_arn, subject, ttl_s)

    def instance_role(self, role_arn, ttl_s, region):
        self._site.imds.source.set(role_arn, ttl_s)
        self._site.imds.region = region

    def container_role(self, role_arn, ttl_s):
        self._site.container.source.set(role_arn, ttl_s)

    # --- Secrets Manager ---

    def put_secret(self, name, value, kms_key, region, account):
        store = self._site.secrets
        secret = store.find(name, region, account)
        if secret is None:
            key = self._site.kms.find(kms_key, region, account).arn if kms_key else None
            secret = store.create(name, region, account, key)
        store.add_version(secret, value)
        return secret.arn

    def rotate(self, arn, value, pending):
        store, secret = self._site.secrets, self._secret(arn)
        secret.rotates = True
        if value is not None:
            # A new AWSPENDING takes the label from an abandoned one, as PutSecretValue does.
            store.add_version(secret, value, (PENDING,))
        waiting = secret.staged(PENDING)
        if pending:
            return waiting.id
        if waiting is None:
            raise ControlError(f"{arn} has no version with stage {PENDING}")
        secret.move(CURRENT, waiting)
        waiting.stages.remove(PENDING)
        return waiting.id

    def set_stages(self, arn, version_id, stages):
        secret = self._secret(arn)
        version = secret.versions[version_id]
        for each in secret.versions.values():
            each.stages = [s for s in each.stages if s not in stages]
        version.stages = list(stages)

    def versions(self, arn):
        return {v.id: v.stages for v in self._secret(arn).versions.values()}

    def reveal(self, arn, stage):
        secret = self._secret(arn)
        version = secret.staged(stage)
        return None if version is None else self._site.secrets.reveal(secret, version)

    def delete_secret(self, arn):
        self._secret(arn).deleted = now()

    def restore_secret(self, arn):
        self._secret(arn).deleted = None

    def _secret(self, arn):
        return self._site.secrets.secrets[arn]

    # --- KMS ---

    def create_key(self, alias, region, account):
        return self._site.kms.create_key(region, account, alias).arn

    def encrypt(self, key, plain, context):
        return self._site.kms.keys[key].seal(plain, context)

    def set_key_state(self, key, state):
        self._site.kms.keys[key].state = state

    # --- RDS ---

    def add_database(self, kind, id, region, account, **facts):
        return self._site.rds.add(kind, id, region, account, **facts).resource_id

    def set_database(self, id, **facts):
        database = self._site.rds.find(id)
        for name, value in facts.items():
            getattr(database, name)
            setattr(database, name, value)

    def remove_database(self, id):
        arn = self._site.rds.find(id).arn
        self._site.rds.clusters.pop(arn, None)
        self._site.rds.instances.pop(arn, None)

    def rds_page(self, size):
        self._site.rds.page = size

    def check_token(self, **given):
        ok, why = self._site.rds.check_token(given)
        return {"ok": ok, "why": why}

    # --- switches ---

    def deny(self, action, resource, principal):
        self._state.denials.append({"action": action, "resource": resource, "principal": principal})

    def undeny(self):
        self._state.denials.clear()

    def fault(self, **how):
        self._state.faults.append(Fault(**how))

    def clear_faults(self):
        self._state.clear_faults()

    def skew(self, seconds):
        self._state.skew_s = seconds

    def role_ttl(self, seconds):
        self._state.role_ttl_s = seconds

    def token_life(self, seconds):
        self._state.token_life_s = seconds

    def only_regions(self, regions):
        self._state.regions = regions

    # --- the log ---

    def log(self):
        return list(self._state.log)

    def clear_log(self):
        self._state.log.clear()

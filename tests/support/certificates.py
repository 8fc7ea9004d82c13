"""A certificate authority that signs one server certificate and is then forgotten."""

import os
import secrets
import subprocess
from pathlib import Path

NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
DAYS = "30"


class CertificateError(Exception):
    """openssl said no."""


def _openssl(*words):
    done = subprocess.run(["openssl", *map(str, words)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise CertificateError(f"openssl {words[0]} failed: {done.stderr.strip()}")


def make(ca, cert, key, hosts, addresses=("127.0.0.1",)):
    """Writes the CA's certificate, and certificate and key for these DNS names and addresses."""
    ca, cert, key = Path(ca), Path(cert), Path(key)
    ca_key, wish, extra = ca.with_suffix(".key"), cert.with_suffix(".csr"), cert.with_suffix(".ext")
    names = ",".join([f"DNS:{host}" for host in hosts] + [f"IP:{a}" for a in dict.fromkeys(addresses)])
    extra.write_text(f"subjectAltName={names}\nbasicConstraints=CA:FALSE\n", encoding="utf-8")
    _openssl("req", "-x509", *NEW_KEY, "-days", DAYS, "-subj", "/CN=sluice lab CA",
             "-keyout", ca_key, "-out", ca)
    _openssl("req", *NEW_KEY, "-subj", "/CN=sluice lab", "-keyout", key, "-out", wish)
    _openssl("x509", "-req", "-in", wish, "-CA", ca, "-CAkey", ca_key, "-days", DAYS,
             "-set_serial", secrets.randbits(63) + 1, "-extfile", extra, "-out", cert)
    with open(cert, "a", encoding="ascii") as chain:
        chain.write(ca.read_text(encoding="ascii"))  # so that it serves as sslrootcert too
    for path in (ca_key, wish, extra):
        path.unlink()  # nothing else is to be signed
    os.chmod(key, 0o600)

"""The ways in which a secret may stand in memory or in a file: as it is, encoded, and in pieces.

A piece of a secret is a leak as well: a heap writes its links over the first 16 bytes of a freed
block, a log cuts its lines. So what is searched for are pieces of PIECE bytes that follow each
other, and the last PIECE bytes.
"""

import base64
from urllib.parse import quote, quote_plus

PIECE = 8
PIECE_BASE64 = 10  # the same, and a little less at a form's ends


class SecretError(Exception):
    """A secret that cannot be searched for."""


def _pieces(form, size):
    starts = list(range(0, len(form) - size + 1, size)) + [len(form) - size]
    return {form[at:at + size] for at in starts}


def _base64_cores(secret):
    """What base64 makes of it wherever it stands in a longer text: without the ends, which depend on the neighbours."""
    cores = {}
    for shift in range(3):
        whole = base64.b64encode(b"\0" * shift + secret)
        first = (shift * 8 + 5) // 6  # the first letter that holds bits of the secret alone
        last = (shift + len(secret)) * 8 // 6
        core = whole[first:last]
        cores[f"base64+{shift}"] = core
        cores[f"base64url+{shift}"] = core.replace(b"+", b"-").replace(b"/", b"_")
    return cores


def _percent_small(text):
    return "".join(c if quote(c, safe="") == c else "".join(f"%{b:02x}" for b in c.encode()) for c in text)


def _encoded(text):
    """Forms by name; several may be equal."""
    return {
        "plain": text.encode(),
        "URL-encoded": quote(text, safe="").encode(),
        "URL-encoded, small letters": _percent_small(text).encode(),
        "form-encoded": quote_plus(text, safe="").encode(),
        "quoted": text.replace("\\", "\\\\").replace("'", "\\'").encode(),
        "password file": text.replace("\\", "\\\\").replace(":", "\\:").encode(),
        "JSON": text.replace("\\", "\\\\").replace('"', '\\"').encode(),
    }


def needles(secrets, whole=False):
    """[(bytes, name of the secret, form)] for {name: text}; each bytes once. whole: no pieces, for secrets
    with parts that are none, such as a token's host name."""
    found = {}
    for name, text in secrets.items():
        raw = text.encode()
        if len(raw) < PIECE:
            raise SecretError(f"{name} has {len(raw)} bytes; too few to be told from chance")
        forms = [(form, coded, PIECE) for form, coded in _encoded(text).items()]
        forms += [(form, coded, PIECE_BASE64) for form, coded in _base64_cores(raw).items()]
        forms += [("UTF-16", text.encode("utf-16-le"), 2 * PIECE)]
        for form, coded, size in forms:
            for part in _pieces(coded, len(coded) if whole else min(size, len(coded))):
                found.setdefault(part, (name, form))
    return [(part, name, form) for part, (name, form) in found.items()]


def hits(data, wanted):
    """(offset, name, form) of the first place of each needle in data."""
    for part, name, form in wanted:
        at = data.find(part)
        if at >= 0:
            yield at, name, form

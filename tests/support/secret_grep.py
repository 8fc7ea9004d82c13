"""Finds secrets in files: `python3 -m support.secret_grep --secrets FILE PATH...`

FILE holds one secret a line, or NAME<tab>SECRET; empty lines and lines with a leading # do not
count. PATHs are files or directories, which are searched to their bottom. A secret is found as it
is, URL-encoded, in base64, as UTF-16, quoted as in connection strings, and in pieces of eight bytes.
A secret itself is never printed, only its name.

Exit status: 0 none found, 1 found, 2 something could not be searched.
"""

import argparse
import os
import stat
import sys
from pathlib import Path

from . import secret_forms

STEP = 16 << 20
OVERLAP = 4096


def read_secrets(path):
    """{name: secret} of such a file."""
    found = {}
    for number, line in enumerate(Path(path).read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        name, tab, secret = line.partition("\t")
        found[name if tab else f"line {number}"] = secret if tab else line
    return found


def files_below(path):
    """Plain files; symbolic links below a directory are not followed."""
    path = Path(path)
    if not path.is_dir():
        yield path
        return

    def refuse(error):
        raise error

    for folder, _, names in os.walk(path, onerror=refuse):
        for name in sorted(names):
            file = Path(folder, name)
            if stat.S_ISREG(file.lstat().st_mode):
                yield file


def grep_file(path, wanted):
    """(offset, name, form): the first place of each needle."""
    seen = set()
    with open(path, "rb") as file:
        base, rest = 0, b""
        while True:
            step = file.read(STEP)
            if not step:
                return
            data = rest + step
            for at, name, form in secret_forms.hits(data, wanted):
                if (name, form) not in seen:
                    seen.add((name, form))
                    yield base + at, name, form
            rest = data[-OVERLAP:]
            base += len(data) - len(rest)


def grep(paths, secrets, whole=False):
    """[(file, offset, name, form)], and how many files were read. A path that is not there is an error."""
    wanted = secret_forms.needles(secrets, whole)
    found, count = [], 0
    for path in paths:
        for file in files_below(path):
            count += 1
            found += [(file, *hit) for hit in grep_file(file, wanted)]
    return found, count


def main(argv=None):
    parser = argparse.ArgumentParser(prog="secret_grep", description="Finds secrets in files.")
    parser.add_argument("--secrets", required=True, metavar="FILE", help="one a line, or NAME<tab>SECRET")
    parser.add_argument("--except", dest="leave_out", action="append", default=[], metavar="PATH",
                        help="a file that is meant to hold them")
    parser.add_argument("--whole", action="store_true", help="whole secrets only, not pieces of them")
    parser.add_argument("paths", nargs="+", metavar="PATH")
    args = parser.parse_args(argv)
    try:
        secrets = read_secrets(args.secrets)
        if not secrets:
            raise secret_forms.SecretError(f"{args.secrets} holds no secret")
        found, count = grep(args.paths, secrets, args.whole)
    except (OSError, secret_forms.SecretError) as e:
        print(f"secret_grep: {e}", file=sys.stderr)
        return 2
    meant = {Path(p).resolve() for p in [args.secrets, *args.leave_out]}
    found = [hit for hit in found if hit[0].resolve() not in meant]
    for file, offset, name, form in found:
        print(f"{file}: byte {offset}: {name} ({form})")
    print(f"secret_grep: {len(secrets)} secrets, {count} files, {len(found)} found")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

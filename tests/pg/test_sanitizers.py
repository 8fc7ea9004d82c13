"""A whole load of a small shop by the loader as a sanitizer built it: no report.

`make check-sanitizers-load` builds the loader twice and runs this with SLUICE set to each.
"""

import os
from pathlib import Path

import pytest

from support import shop, sluice

BUILDS = {"asan": sluice.REPO / "build" / "asan" / "sluice", "tsan": sluice.REPO / "build" / "tsan" / "sluice"}
REPORT_STATUS = 66


def builds():
    """The one that SLUICE names when it is one of the two, else both."""
    given = Path(sluice.SLUICE).resolve()
    chosen = {k: v for k, v in BUILDS.items() if v.resolve() == given}
    return chosen or BUILDS


@pytest.mark.parametrize("name", builds())
def test_one_full_load_without_a_report(pair, name, tmp_path, monkeypatch):
    program = BUILDS[name]
    if not program.exists():
        pytest.skip(f"{program} is not built (make sluice-{name})")
    shop.create_shop(pair.source, pair.source_db, 0.02)
    shop.create_shop_schema(pair.destination, pair.destination_db)
    monkeypatch.setattr(sluice, "SLUICE", str(program))
    log = f"log_path={tmp_path}/report:exitcode={REPORT_STATUS}"
    env = {
        "ASAN_OPTIONS": f"{log}:detect_leaks=1:detect_stack_use_after_return=1",
        "UBSAN_OPTIONS": f"{log}:print_stacktrace=1",
        "TSAN_OPTIONS": f"{log}:halt_on_error=0:second_deadlock_stack=1",
    }
    result = pair.load("-j", "4", "--chunk-size", "256kB", env=env, timeout=240)
    reports = "\n".join(p.read_text(errors="replace") for p in sorted(tmp_path.glob("report*")))
    assert reports == "", reports[:8000]
    assert "Sanitizer" not in result.err and "runtime error" not in result.err, result.err[:8000]
    assert result.status == 0, result
    assert pair.differences() == []


def test_where_the_reports_go(tmp_path):
    """Without this a wrong option name would make the test above blind; see that a report is found."""
    if os.environ.get("SLUICE_SKIP_SELFTEST"):
        pytest.skip("asked to")
    source = tmp_path / "bug.c"
    source.write_text("#include <stdlib.h>\nint main(int argc, char **argv)\n"
                      "{ char *p = malloc(1); free(p); return p[argc - 1] + (argv != 0); }\n")
    import shutil
    import subprocess

    if not shutil.which("cc"):
        pytest.skip("no compiler")
    built = subprocess.run(["cc", "-fsanitize=address", "-o", tmp_path / "bug", source],
                           capture_output=True, check=False)
    if built.returncode != 0:
        pytest.skip("no AddressSanitizer here")
    env = dict(os.environ, ASAN_OPTIONS=f"log_path={tmp_path}/report:exitcode={REPORT_STATUS}")
    done = subprocess.run([tmp_path / "bug"], env=env, check=False)
    assert done.returncode == REPORT_STATUS
    assert any("use-after-free" in p.read_text() for p in tmp_path.glob("report*"))

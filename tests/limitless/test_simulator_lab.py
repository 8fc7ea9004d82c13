"""scripts/lab up --shard-group: it runs on its own, can be found again, and leaves nothing."""

import json
import os
import subprocess
from pathlib import Path

import psycopg2

from support import sluice
from support.pam_services import started_at


def lab_command(state, *words):
    env = {**os.environ, "SLUICE_LAB_STATE": str(state)}
    return subprocess.run([sluice.REPO / "scripts" / "lab", *words], env=env, text=True, timeout=120,
                          capture_output=True, check=False)


def test_up_status_down(tmp_path):
    state = tmp_path / "lab.json"
    try:
        up = lab_command(state, "up", "--shard-group", "--routers", "3", "--shards", "2")
        assert up.returncode == 0, up.stderr
        lines = [line.split(None, 1) for line in up.stdout.splitlines() if line.startswith("  127.")]
        assert [words[0] for words in lines] == ["127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.1"]
        conn = psycopg2.connect(lines[1][1])
        with conn.cursor() as cur:
            cur.execute("SELECT table_name, table_type FROM rds_aurora.limitless_tables ORDER BY 1")
            assert cur.fetchall() == [("country", "reference"), ("hello", "sharded"), ("note", "standard")]
            cur.execute("SELECT count(*) FROM rds_aurora.limitless_subclusters WHERE subcluster_type = 'shard'")
            assert cur.fetchone() == (2,)
        conn.close()
        known = json.loads(state.read_text(encoding="utf-8"))
        proxy = known["clusters"]["group"]["proxy"]["pid"]
        assert started_at(proxy)
        assert lab_command(state, "status").returncode == 0
    finally:
        down = lab_command(state, "down")
    assert down.returncode == 0, down.stderr
    assert not started_at(proxy) and not Path(known["dir"]).exists()
    assert lab_command(state, "status").returncode == 3


def test_what_it_does_not_take(tmp_path):
    for words in (("up", "--shards", "none"), ("up", "--shard-group", "--routers", "99"), ("sideways",)):
        done = lab_command(tmp_path / "none.json", *words)
        assert done.returncode in (1, 2) and "Traceback" not in done.stderr

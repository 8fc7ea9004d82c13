"""The job file: what is refused, where and with which words; the round trip; the schema; one load."""

import json
import os
import re
import resource
import subprocess
import time

import jsonschema
import pytest
import yaml

from support import sluice
from support.sluice import REPO, run_load

pytestmark = pytest.mark.usefixtures("loader")

SCHEMA = json.loads((REPO / "docs" / "job-file.schema.json").read_text())
SECRET = "hunter2-not-to-be-seen"


def run(path, *args, env=None, command="load"):
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("SLUICE_", "PG"))}
    return subprocess.run([sluice.SLUICE, command, "--config", str(path), *args], capture_output=True, text=True,
                          errors="replace", timeout=30, env={**environ, **(env or {})})


def rule(line, text):
    """A file with one rule, whose first line is the third."""
    return f"version: 1\ntables:\n  public.t:\n{text}", line


V = "version: 1\n"
# (name, file, line, column, what the message holds). The file is wrong in this one way.
WRONG = [
    ("nothing", "", 1, 1, 'begin with "version: 1"'),
    ("only a comment", "# shop\n", 1, 1, "empty"),
    ("no version", "source: {connection: host=a}\n", 1, 1, "version of the format is missing"),
    ("another version", "version: 2\n", 1, 10, "write version: 1"),
    ("a version in quotes", 'version: "1"\n', 1, 10, "write version: 1"),
    ("a list at the top", "- version\n", 1, 1, "the top of the file has to be a map"),
    ("a section misspelt", V + "sourse: {}\n", 2, 1, "did you mean source?"),
    ("an option misspelt", V + "options:\n  jobs: 2\n  memroy: 1GB\n", 4, 3, "did you mean memory?"),
    ("an option of nobody", V + "options: {xyzzy: 1}\n", 2, 11, "sluice load --help"),
    ("source among the options", V + "options: {source: host=a}\n", 2, 11, "write it under source: connection"),
    ("tables among the options", V + "options:\n  table: a.b\n", 3, 3, "write it under select: tables"),
    ("a side's key misspelt", V + "source: {conection: host=a}\n", 2, 10, "did you mean connection?"),
    ("a rule's key misspelt", V + "tables:\n  a.b: {mod: sharded}\n", 3, 9, "did you mean mode?"),
    ("a column's key misspelt", V + "tables: {a.b: {columns: {c: {expresion: x}}}}\n", 2, 30, "did you mean expression?"),
    ("too few jobs", V + "options: {jobs: 0}\n", 2, 17, "not between 1 and 256"),
    ("too little memory", V + "options: {memory: 1MB}\n", 2, 19, "between 16MB and 1TB"),
    ("no such mode", V + "options: {mode: replace}\n", 2, 17, "not one of error|append|truncate"),
    ("a list for a text", V + "options: {jobs: [1]}\n", 2, 17, "not a list"),
    ("a text for a list", V + "select: {tables: a.b}\n", 2, 18, "a list of patterns"),
    ("a text for a map", V + "tables: orders\n", 2, 9, "has to be a map"),
    ("a text for a truth value", V + "options: {no-analyze: maybe}\n", 2, 23, "true or false"),
    ("an old truth value", V + "options: {no-analyze: yes}\n", 2, 23, "readers of YAML differ about yes"),
    ("Norway", V + "select:\n  schemas: [no_data, NO]\n", 3, 22, 'put it in quotes: "NO"'),
    ("off", V + "options:\n  routers: off\n", 3, 12, 'off is a truth value to YAML'),
    ("an exponent", V + "options: {jobs: 1e3}\n", 2, 17, "1e3 is a number with a fraction or an exponent"),
    ("an octal number", V + "options: {jobs: 010}\n", 2, 17, "010 is a number (of base 8"),
    ("base 60", V + "options: {retry-for: 12:30}\n", 2, 22, "12:30 is a number of base 60"),
    ("a date", V + "options: {job: 2024-01-01}\n", 2, 16, "is a date to YAML"),
    ("a number as a name", V + "select: {schemas: [2024]}\n", 2, 20, '2024 is a number to YAML; put it in quotes: "2024"'),
    ("nothing for a value", V + "options:\n  job:\n  jobs: 2\n", 3, 7, "nothing stands here"),
    ("a star in front", V + "tables:\n  *.events: {mode: standard}\n", 3, 3, 'as in "*.events"'),
    ("an alias", V + "select:\n  tables: [*all]\n", 3, 12, "aliases (*NAME) are not taken"),
    ("an anchor", V + "source: &a {connection: host=a}\n", 2, 9, "anchors (&NAME) are not taken"),
    ("a merge key", V + "options:\n  <<: {jobs: 2}\n", 3, 3, "merge keys"),
    ("a tag", V + "options: {jobs: !!int 3}\n", 2, 17, "tags (!NAME) are not taken"),
    ("an at sign in front", V + "options:\n  job: @nightly\n", 3, 8, "put it in quotes"),
    ("a backtick in front", V + "options:\n  job: `date`\n", 3, 8, "put it in quotes"),
    ("a percent sign in front", V + "select:\n  tables:\n    - %a\n", 4, 7, "no text may begin with %"),
    ("a tab", V + "options:\n\tjobs: 2\n", 3, 1, "a tab stands where"),
    ("two documents", V + "---\nversion: 1\n", 2, 1, "a second document"),
    ("a directive", "%YAML 1.1\n---\nversion: 1\n", 1, 1, "directives"),
    ("a key twice", V + "options:\n  jobs: 2\n  mode: append\n  jobs: 3\n", 5, 3, "first in line 3"),
    ("a key twice in two spellings", V + "options:\n  max-rate: 1MB\n  max_rate: 2MB\n", 4, 3, "first in line 3"),
    ("a table twice", V + "tables:\n  a.b: {mode: standard}\n  a.b: {mode: reference}\n", 4, 3, "first in line 3"),
    ("a colon in a text", V + "options:\n  job: a: b\n", 3, 9, "in quotes"),
    ("a quote not closed", V + 'options:\n  job: "a\n', 3, 8, "a quote is not closed"),
    ("a bracket not closed", V + "select: {tables: [a.b}\n", 2, 18, "not closed"),
    ("indentation", V + "options:\n  jobs: 2\n mode: append\n", 4, 2, "indentation"),
    ("a list as a key", V + "? [a]\n: b\n", 2, 3, "a key has to be a text"),
    ("too deep", V + "tables: " + "[" * 30 + "]" * 30 + "\n", 2, 28, "deeper in each other than 20"),
    ("a zero byte", b"version: 1\n# \0\n", 2, 3, "a zero byte"),
    ("a zero byte, escaped", V + 'options: {job: "a\\0b"}\n', 2, 16, "a zero byte"),
    ("Latin 1", b"version: 1\n# caf\xe9\n", 2, 6, "save the file as UTF-8"),
    ("a control character", b"version: 1\n# \x07\n", 2, 3, "a control character"),
    ("a password in a string", V + f'source: {{connection: "host=a password={SECRET}"}}\n', 2, 22, "PGPASSWORD"),
    ("a password in a URI", V + f"source:\n  connection: postgresql://u:{SECRET}@h/d\n", 3, 15, "{env: NAME}"),
    ("a password in a query", V + f"source:\n  connection: postgresql://h/d?sslpassword={SECRET}\n", 3, 15, "no password"),
    ("a password behind rds:", V + f'source: {{connection: "rds:a/b password={SECRET}"}}\n', 2, 22, "no password"),
    ("a password of its own", V + f"destination:\n  password: {SECRET}\n", 3, 3, "no password may stand"),
    ("a URI for a side", V + f"source: postgresql://u:{SECRET}@h/d\n", 2, 9, "source has to be a map"),
    ("a string that is none", V + f"source: {{connection: \"host=a '{SECRET} =\"}}\n", 2, 22, "not a valid libpq"),
    ("a keyword that is none", V + 'source: {connection: "host=a pasword=x"}\n', 2, 22, "did you mean password?"),
    ("a variable that is not set", V + "source: {connection: {env: NO_SUCH_URI}}\n", 2, 28, "NO_SUCH_URI is not set"),
    ("a variable's name that is none", V + 'source: {connection: {env: "a b"}}\n', 2, 28, "no name of an environment"),
    ("another map for a text", V + "source: {connection: {file: x}}\n", 2, 22, "{env: NAME}"),
    ("a role that is none", V + "source: {role-arn: reader}\n", 2, 20, "is not a role's ARN"),
    ("a shard key without the mode", *rule(4, "    shard-key: [a]\n"), 5, "add mode: sharded"),
    ("a shard key of a reference table", V + "tables: {a.b: {mode: reference, shard-key: [a]}}\n", 2, 33, "sharded"),
    ("collocation without the mode", *rule(4, "    collocate-with: a.b\n"), 5, "add mode: sharded"),
    ("collocation without a schema", V + "tables: {a.b: {mode: sharded, collocate-with: b}}\n", 2, 47, "SCHEMA.TABLE"),
    ("a shard key that is a text", V + "tables: {a.b: {mode: sharded, shard-key: a}}\n", 2, 42, "as [customer_id]"),
    ("rename and leave-out", V + "tables: {a.b: {columns: {c: {rename: d, leave-out: true}}}}\n", 2, 26, "only one of"),
    ("two columns of one name", V + "tables:\n  a.b:\n    columns:\n      c: {rename: d}\n      d: {expression: x}\n", 6, 7, "line 5"),
    ("a type alone", V + "tables: {a.b: {columns: {c: {type: int}}}}\n", 2, 30, "add expression"),
    ("a column called no", V + "tables: {a.b: {columns: {no: {leave-out: true}}}}\n", 2, 26, '"no"'),
    ("a long name", V + "tables: {a.b: {to: {table: %s}}}\n" % ("x" * 64), 2, 28, "at most 63 bytes"),
    ("a pattern with an open quote", V + "tables: {'a.\"b': {mode: standard}}\n", 2, 10, "double quote"),
    ("a rule that says nothing", V + "tables:\n  a.b: {}\n", 3, 3, "says nothing"),
    ("a chunk that is too small", V + "defaults: {chunk-size: 1kB}\n", 2, 24, "between 64kB and 1TB"),
    ("a wish that defaults lack", V + "defaults: {where: x}\n", 2, 12, "unknown key"),
]


@pytest.mark.parametrize("text, line, column, says", [w[1:] for w in WRONG], ids=[w[0] for w in WRONG])
def test_a_wrong_file_is_refused_with_its_place(tmp_path, text, line, column, says):
    path = tmp_path / "job.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    result = run(path, "--print-config")
    assert result.returncode == 2, result
    assert result.stdout == ""
    assert result.stderr.startswith(f"sluice: error: {path}:{line}:{column}: "), result.stderr
    assert says in result.stderr
    assert result.stderr.count("\n") == 1, result.stderr
    assert SECRET not in result.stderr


def test_all_problems_are_told_at_once(tmp_path):
    path = tmp_path / "job.yaml"
    path.write_text(V + "options: {jobs: 0}\nselect: {schemas: [NO]}\ntables: {a.b: {mod: x}}\n")
    result = run(path)
    assert result.returncode == 2
    places = re.findall(r"job.yaml:(\d+:\d+): ", result.stderr)
    assert places == ["2:17", "3:20", "4:16"]
    assert result.stderr.endswith("3 problems; nothing was done\n")


def test_at_most_a_hundred_are_told(tmp_path):
    path = tmp_path / "job.yaml"
    path.write_text(V + "options:\n" + "".join(f"  zz{i}: 1\n" for i in range(20000)))
    began = time.monotonic()
    result = run(path)
    assert time.monotonic() - began < 5
    assert result.returncode == 2
    assert len(re.findall(r"job.yaml:\d+:3: ", result.stderr)) == 100
    assert "and 19900 more" in result.stderr


@pytest.mark.parametrize("make, says", [
    (lambda p: p.mkdir(), "is a directory"),
    (lambda p: None, "No such file"),
])
def test_a_file_that_cannot_be_read(tmp_path, make, says):
    path = tmp_path / "job.yaml"
    make(path)
    result = run(path)
    assert result.returncode == 2 and says in result.stderr and str(path) in result.stderr


def limited():
    resource.setrlimit(resource.RLIMIT_AS, (256 << 20, 256 << 20))


@pytest.mark.skipif("asan" in sluice.SLUICE or "tsan" in sluice.SLUICE, reason="sanitizers reserve more address space")
@pytest.mark.parametrize("text, says", [
    ("a: &a [x,x]\n" + "b: [" + "*a," * (10 << 18) + "]\n", "larger than 1 MB"),
    ("a: &a [x,x]\n" + "b: [" + "*a," * 300_000 + "]\n", "aliases (*NAME) are not taken"),
    ("b: [" + "x," * 500_000 + "]\n", "100,001st"),
    ("version: 1\noptions: " + "{a: " * 200_000 + "\n", "deeper in each other than 20"),
    ("version: 1\ntables: {" + "".join(f"a{i}: 1, " for i in range(45_000)) + "}\n", "a table's rule has to be a map"),
    ("version: 1\nx: " + "[" * 1_000_000, "deeper"),
], ids=["10 MB of aliases", "aliases", "values", "maps", "keys", "brackets"])
def test_a_hostile_file_ends_at_once(tmp_path, text, says):
    path = tmp_path / "job.yaml"
    path.write_text(text)
    began = time.monotonic()
    result = subprocess.run([sluice.SLUICE, "load", "--config", str(path)], capture_output=True, text=True, timeout=30,
                            preexec_fn=limited)
    assert time.monotonic() - began < 5  # it is some tenths of a second
    assert result.returncode == 2 and says in result.stderr, result.stderr[:500]


FULL = """\
version: 1
source:
  connection: "host=db1 dbname=shop user=reader"
  role-arn: arn:aws:iam::111122223333:role/reader
  external-id: {env: SHOP_EXTERNAL}
  role-tags: {team: "a b", year: "2024"}
  region: eu-west-1
destination:
  connection: {env: SHOP_URI}
options:
  jobs: 8
  chunk_size: 16MB
  compression: "off"
  where: ["public.a=x > 1", 'public.b=note = ''it: #1'' AND "NO" <> ''\\n''']
  no-analyze: true
select:
  tables: ["*.items", public.orders, "tenant_?.\\"Ev ent\\""]
  exclude-schemas: ["NO", "2024", "~"]
tables:
  public.orders: {mode: sharded, shard-key: [customer_id]}
  public.items:
    mode: sharded
    shard-key: [customer_id, "no"]
    collocate-with: public.orders
    where: "placed_at > '2024-01-01'\\n  AND note <> '\\t\\u2028caf\\u00e9'"
    to: {schema: shop, table: items2}
    format: text
    chunk-size: 128kB
    columns:
      customer_id: {expression: "(SELECT o.customer_id FROM public.orders o WHERE o.id = order_id)", type: bigint}
      note: {leave-out: true}
      "yes": {leave-out: false}
      nm: {rename: "Name: x"}
defaults:
  mode: standard
  to-schema: shop
"""
FULL_ENV = {"SHOP_URI": f"postgresql://loader:{SECRET}@db2/shop", "SHOP_EXTERNAL": "ext-1"}


def without_origins(text):
    return re.sub(r"  # [^\"]*$", "", text, flags=re.M)


def test_print_config_can_be_given_back(tmp_path):
    first, second = tmp_path / "a.yaml", tmp_path / "b.yaml"
    first.write_text(FULL)
    one = run(first, "--print-config", env=FULL_ENV)
    assert one.returncode == 0, one.stderr
    second.write_text(one.stdout)
    two = run(second, "--print-config", env=FULL_ENV)
    assert two.returncode == 0, two.stderr
    assert without_origins(one.stdout) == without_origins(two.stdout)
    # Another reader of YAML finds the same in it as in the first.
    given, printed = yaml.safe_load(FULL), yaml.safe_load(one.stdout)
    assert printed["source"] == given["source"] and printed["destination"] == given["destination"]
    assert printed["select"] == given["select"] and printed["defaults"] == given["defaults"]
    assert printed["options"]["where"] == given["options"]["where"]
    given["tables"]["public.items"]["chunk-size"] = 128 << 10
    assert printed["tables"] == given["tables"]
    assert list(printed["tables"]) == list(given["tables"])
    assert SECRET not in one.stdout + two.stdout and "ext-1" not in one.stdout
    jsonschema.Draft202012Validator(SCHEMA).validate(printed)


def test_print_config_says_where_values_come_from(tmp_path):
    path = tmp_path / "shop.yaml"
    path.write_text(V + "options:\n  jobs: 8\n  memory: 1GB\n  mode: truncate\n  job: nightly\n"
                        "select:\n  tables: [a.b]\n  schemas: [c]\ntables:\n  a.b:\n    where: x > 1\n")
    result = run(path, "-j", "2", "-t", "x.y", "-t", "z.w", "--print-config",
                 "--destination", f"postgresql://u:{SECRET}@h/d", env={"SLUICE_MEMORY": "32MB", "SLUICE_CONFIG": "/nowhere"})
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    for want in ("  jobs: 2  # --jobs", "  memory: 32MB  # SLUICE_MEMORY", f"  mode: truncate  # {path}:5",
                 f"  job: nightly  # {path}:6", "  retry-for: 5min  # default", "    - x.y  # --table",
                 "    - z.w  # --table", f"    - c  # {path}:9", f'    where: "x > 1"  # {path}:12'):
        assert want in lines, (want, result.stdout)
    assert "a.b  #" not in result.stdout.split("tables:", 1)[0]
    assert SECRET not in result.stdout and "the password left out" in result.stdout
    assert all("  # " in line for line in lines if line.startswith("  ")), result.stdout


def test_a_weaker_value_is_checked_all_the_same(tmp_path):
    path = tmp_path / "job.yaml"
    path.write_text(V + "options: {jobs: 0}\n")
    assert ":2:17: jobs: 0" in run(path, "-j", "2", "--print-config").stderr


@pytest.mark.parametrize("command", ["load", "check", "bench"])
def test_every_command_takes_the_whole_file(tmp_path, command):
    path = tmp_path / "job.yaml"
    path.write_text(FULL)
    result = run(path, "--print-config", env=FULL_ENV, command=command)
    assert result.returncode == 0, result.stderr


# ---- the schema ----

def accepted():
    """{path: what it takes}, as the parser itself says it."""
    out = subprocess.run([sluice.SLUICE, "load", "--help-keys"], capture_output=True, text=True, check=True).stdout
    return dict(line.split("\t") for line in out.splitlines())


def in_schema():
    """{path: schema} of every key that the schema allows."""
    found = {}

    def follow(node):
        while "$ref" in node:
            node = SCHEMA["$defs"][node["$ref"].rsplit("/", 1)[1]]
        return node

    def walk(prefix, node):
        assert node.get("additionalProperties") is not None, f"{prefix}: other keys are not spoken of"
        for key, value in node["properties"].items():
            found[prefix + key] = follow(value)
            inner = follow(value)
            if inner.get("properties"):
                walk(f"{prefix}{key}.", inner)
            elif f"{prefix}{key}" in ("tables", "tables.*.columns"):
                walk(f"{prefix}{key}.*.", follow(inner["additionalProperties"]))

    walk("", SCHEMA)
    return found


def test_schema_and_parser_accept_the_same_keys():
    assert set(in_schema()) == set(accepted())
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_schema_and_parser_agree_about_words():
    schema = in_schema()
    for path, takes in accepted().items():
        if re.fullmatch(r"[a-z-]+(\|[a-z-]+)+", takes) and takes != "true|false":
            assert schema[path].get("enum") == takes.split("|"), path
        if takes == "true|false":
            assert schema[path].get("type") == "boolean", path


def test_the_schema_refuses_what_the_parser_refuses():
    validator = jsonschema.Draft202012Validator(SCHEMA)
    for text in ("version: 2", "{}", "version: 1\nsourse: {}", "version: 1\noptions: {memroy: 1GB}",
                 "version: 1\ntables: {a.b: {mod: x}}", "version: 1\nselect: {tables: a}",
                 "version: 1\ntables: {a.b: {columns: {c: {x: 1}}}}", "version: 1\nselect: {schemas: [NO]}",
                 "version: 1\ntables: {a.b: {columns: {c: {rename: d, leave-out: true}}}}"):
        assert not validator.is_valid(yaml.safe_load(text)), text
    validator.validate(yaml.safe_load(FULL.replace("chunk_size", "chunk-size")))


def test_the_examples_of_the_page_are_right(tmp_path):
    page = (REPO / "docs" / "job-file.md").read_text()
    examples = re.findall(r"```yaml\n(.*?)```", page, flags=re.S)
    whole = [e for e in examples if re.search(r"^version: 1", e, flags=re.M)]
    assert len(whole) >= 3
    for text in whole:
        path = tmp_path / "example.yaml"
        path.write_text(text)
        result = run(path, "--print-config", env={"SHOP_URI": "host=x dbname=y"})
        assert result.returncode == 0, (text, result.stderr)
        jsonschema.Draft202012Validator(SCHEMA).validate(yaml.safe_load(text))


# ---- with servers ----

@pytest.fixture
def some(pair):
    pair.both("CREATE TABLE t (a int); CREATE TABLE u (a int)")
    pair.src("INSERT INTO t SELECT generate_series(1, 100); INSERT INTO u VALUES (1)")
    return pair


def job_file(tmp_path, pair, more=""):
    path = tmp_path / "job.yaml"
    path.write_text(V + f"source:\n  connection: {json.dumps(pair.source_dsn)}\n"
                        f"destination:\n  connection: {{env: SHOP_URI}}\n{more}")
    return path


def test_a_load_by_file_alone(some, tmp_path):
    path = job_file(tmp_path, some, "select: {tables: [public.t]}\noptions: {jobs: 1, job: nightly, progress: json}\n")
    env = {"SHOP_URI": some.destination_dsn}
    result = run_load("--config", str(path), env=env)
    assert result.status == 0, result
    assert result.summary["job"] == "nightly" and result.summary["rows"] == 100
    assert result.summary["streams"] == 1


def test_check_takes_the_command_of_a_load(some, tmp_path):
    path = job_file(tmp_path, some)
    args = ["--config", str(path), "--where", "t=a > 1", "--memory", "64MB", "--chunk-size", "1MB", "--max-rate", "1GB",
            "--spill-dir", str(tmp_path), "--release-source", "early", "--spill-key-file", "/tmp/no-such-key",
            "--jobs", "auto", "--job", "x", "--restart", "--retry-for", "5s", "--format", "text", "--no-analyze",
            "--no-sequences", "--progress", "json", "--hold-snapshot", "1min", "--create-tables", "--routers", "off"]
    result = run_load(*args, env={"SHOP_URI": some.destination_dsn}, subcommand="check")
    assert result.status == 0, result
    assert json.loads(result.out)["blockers"] == 0


def test_problems_are_in_the_json_summary(some):
    some.dst("INSERT INTO t VALUES (1); INSERT INTO u VALUES (1)")
    result = run_load("--source", some.source_dsn, "--destination", some.destination_dsn, "--progress", "json")
    assert result.status == 2, result
    problems = result.summary["problems"]
    assert len(problems) == 2 and "public.t" in problems[0] + problems[1]


def test_output_that_cannot_be_written_is_an_error(some, tmp_path):
    path = job_file(tmp_path, some)
    commands = (["load", "--help"], ["help"], ["version"], ["load", "--help-markdown"], ["load", "--print-sql"],
                ["load", "--config", str(path), "--print-config"], ["check", "--config", str(path)],
                ["load", "--config", str(path)])
    for words in commands:
        with open("/dev/full", "w") as full:
            result = subprocess.run([sluice.SLUICE, *words], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60,
                                    env={**os.environ, "SHOP_URI": some.destination_dsn})
        assert result.returncode == 1, (words, result.stderr)
        assert "standard output" in result.stderr

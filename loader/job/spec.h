/*
 * spec.h: what the user asked for: the validated result of the command line. Immutable once a
 * thread exists. Strings are owned by the spec (spec_free); zero means "not given" where no
 * default is named here; cli/ sets the defaults.
 */
#ifndef JOB_SPEC_H
#define JOB_SPEC_H

#include "base/secret.h"
#include "job/table_rule.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum load_mode { MODE_ERROR, MODE_APPEND, MODE_TRUNCATE };
enum chunk_by { CHUNK_BY_AUTO, CHUNK_BY_TID, CHUNK_BY_KEY };
enum triggers_choice { TRIGGERS_DEFAULT, TRIGGERS_KEEP, TRIGGERS_DISABLE };
enum lost_snapshot_choice { LOST_FAIL, LOST_RESTART_TABLES };
enum compression_choice { COMPRESSION_AUTO, COMPRESSION_OFF, COMPRESSION_LEVEL };
/* The routers of a Limitless shard group: found and used, or only the endpoint that was given. */
enum routers_choice { ROUTERS_AUTO, ROUTERS_OFF };
enum progress_choice { PROGRESS_AUTO, PROGRESS_TTY, PROGRESS_PLAIN, PROGRESS_JSON, PROGRESS_NONE };

/* What "bench" measures: each side alone, and both together. */
enum bench_stage { BENCH_SOURCE, BENCH_DESTINATION, BENCH_BOTH, BENCH_STAGES };
enum bench_only { BENCH_ALL, BENCH_ONLY_SOURCE, BENCH_ONLY_DESTINATION, BENCH_ONLY_BOTH };

#define BENCH_SWEEP_MAX  16
#define BENCH_REPEAT_MAX 25

struct bench_request {
    enum bench_only only;
    uint64_t bytes;    /* of the tables, for each measurement; default 1 GB */
    unsigned repeat;   /* default 3 */
    bool with_indexes; /* scratch tables get the indexes that are not unique */
    unsigned jobs[BENCH_SWEEP_MAX];
    size_t job_count; /* 0: a doubling series */
    uint64_t chunk_bytes[BENCH_SWEEP_MAX];
    size_t chunk_count; /* 0: --chunk-size alone */
};

/* What "assess" is asked for. */
struct assess_options {
    bool sample;           /* rows are read where there are no statistics */
    uint64_t rate_bytes_s; /* of the estimate; default 50 MB */
    char *out;             /* the job file to write; NULL: none */
};

/* How one side proves who it is, beyond its connection string. NULL and empty: not given. */
struct side_auth {
    char *secret;          /* Secrets Manager: name or ARN */
    bool iam;              /* an IAM token is the password */
    char *role_arn;        /* assumed for everything that this side asks of AWS */
    char *external_id;     /* of that role */
    struct text_list tags; /* KEY=VALUE: session tags of that role */
    char *iam_host;        /* HOST or HOST:PORT that the token is signed for */
    char *region;
    char *ca_file;            /* trusted roots of this side's server, PEM */
    char *password_kms;       /* file with the password as KMS ciphertext */
    struct text_list context; /* KEY=VALUE: encryption context of that */
};

/* What the "aws" subcommands are asked for. */
struct aws_request {
    char *host;
    char *user;
    uint16_t port; /* default 5432 */
    char *out;     /* directory for "aws setup" */
    bool utility;  /* "aws setup" for AWS's own loading utility as well */
    struct side_auth auth;
};

struct where_filter {
    char *table; /* as typed: a psql-style pattern */
    char *expression;
};

enum schema_apply_choice { SCHEMA_APPLY_NOTHING, SCHEMA_APPLY_BEFORE, SCHEMA_APPLY_AFTER };

/* What the schema subcommand is asked for. */
struct schema_request {
    char *emit; /* the directory for before.sql and after.sql; NULL: no files */
    enum schema_apply_choice apply;
    bool keep_going;       /* after a step that failed */
    char *bindir;          /* of pg_dump; NULL: the newest that is found */
    uint64_t memory_bytes; /* maintenance_work_mem; 0: by the size of what is built */
    bool workers_given;    /* then workers is max_parallel_maintenance_workers */
    unsigned workers;
};

struct spec {
    struct secret source; /* libpq connection string; empty: libpq's defaults and PG* */
    struct secret destination;
    struct secret password; /* PGPASSWORD, taken out of the environment */
    struct side_auth source_auth, destination_auth;
    char *aws_profile;
    char *user_roots; /* where libpq looks for roots of its own: ~/.postgresql/root.crt */
    struct aws_request aws;
    bool json; /* of "check", "bench", "assess" and "aws whoami" */
    struct bench_request bench;
    struct schema_request schema;
    struct assess_options assess;
    struct text_list tables, tables_out, schemas, schemas_out;
    struct where_filter *where;
    size_t where_count;
    char *config;             /* the job file; NULL: none */
    struct table_rules rules; /* from it */
    bool create_tables;
    bool with_schema; /* the schema is made around the rows; create_tables adds nothing then */
    enum routers_choice routers;

    unsigned jobs;         /* streams; with jobs_auto the most of them; default 4 */
    unsigned jobs_max;     /* as given for jobs_auto, and already in jobs; 0: not given */
    bool jobs_auto;        /* the run finds out how many are worth it */
    uint64_t memory_bytes; /* default 256 MB: of all buffers, raw, packed and in flight */
    uint64_t chunk_bytes;  /* default 8 MB; a transaction takes several */
    enum compression_choice compression;
    int compression_level;      /* 1..19 with COMPRESSION_LEVEL, else 0 */
    char *spill_dir;            /* NULL: nothing goes to disk */
    uint64_t spill_limit_bytes; /* 0: four fifths of what is free when the run begins */
    bool release_early;         /* then spill_dir is given, and one of the two keys */
    char *spill_key_file;
    char *spill_kms_key;       /* id, ARN or alias */
    uint64_t max_rate_bytes_s; /* read from the source, all streams together; 0: no bound */
    enum chunk_by chunk_by;
    enum format_choice format;
    enum load_mode mode;
    enum triggers_choice triggers;
    enum lost_snapshot_choice on_lost_snapshot;
    char *job;           /* NULL: derived */
    char *ledger_schema; /* "sluice" */
    bool restart;
    bool dry_run;
    bool print_sql;
    bool print_config;
    bool sequences;            /* true unless --no-sequences */
    bool analyze;              /* true unless --no-analyze */
    uint64_t hold_snapshot_ms; /* default 1 h */
    uint64_t retry_budget_ms;  /* --retry-for, default 5 min */
    enum progress_choice progress;
    bool quiet;
    bool verbose;
    bool log_json;
};

void spec_free(struct spec *spec); /* wipes the secrets */

/* The words that the command line, the ledger and messages use for the values. */
const char *load_mode_name(enum load_mode mode);
const char *format_choice_name(enum format_choice format);
const char *chunk_by_name(enum chunk_by by);
const char *triggers_choice_name(enum triggers_choice triggers); /* "default" when not given */
const char *compression_choice_name(enum compression_choice compression);

#endif

#include "cli/options_table.h"

#include "cli/options_auth.h"
#include "cli/options_set.h"

#include <assert.h>

static const struct option_row table[] = {
    {.name = "source",
     .commands = FOR_LOAD | FOR_CHECK | FOR_AWS_SETUP,
     .argument = "CONNINFO",
     .group = GROUP_SERVERS,
     .default_text = "the PG* variables",
     .variable = "SLUICE_SOURCE",
     .help =
         "The database to read: a libpq URI or keyword string, service=NAME, or rds:ID/DATABASE "
         "with the identifier or ARN of an RDS cluster or instance and keywords after it. Keep "
         "passwords "
         "in ~/.pgpass or a service file; the value is hidden from other users' ps.", .example = "--source postgresql://reader@db1/shop",
     .secret = true,
     .set = set_source},
    {.name = "destination",
     .commands = FOR_LOAD | FOR_CHECK | FOR_AWS_SETUP,
     .argument = "CONNINFO",
     .group = GROUP_SERVERS,
     .default_text = "the PG* variables",
     .variable = "SLUICE_DESTINATION",
     .help = "The database to write, given likewise. One of the two has to be given.",
     .example = "--destination 'host=db2 dbname=shop user=loader sslmode=verify-full'",
     .secret = true,
     .set = set_destination},

    {.name = "source-secret",
     .commands = FOR_LOAD | FOR_CHECK | FOR_AWS_SETUP,
     .argument = "ARN|NAME",
     .group = GROUP_AUTH,
     .variable = "SLUICE_SOURCE_SECRET",
     .help = "Take user and password of the source from this secret of AWS Secrets Manager, and "
             "host, port and database too where the connection string leaves them out. It is read "
             "again when the server refuses the password, so that it may be rotated at any time.", .example = "--source-secret prod/shop/source",
     .set = set_auth_secret},
    {.name = "source-iam",
     .commands = FOR_LOAD | FOR_CHECK | FOR_AWS_SETUP,
     .group = GROUP_AUTH,
     .help = "Log in to the source with an IAM token in place of a password. Needs TLS, a role "
             "with rds_iam, and rds-db:connect.",                                                                                                                          .set = set_auth_iam                                                                                                                                                                                    },
    {.name = "source-role-arn",
     .commands = FOR_LOAD | FOR_CHECK | FOR_AWS_SETUP,
     .argument = "ARN",
     .group = GROUP_AUTH,
     .variable = "SLUICE_SOURCE_ROLE_ARN",
     .help = "Assume this role for all that the source needs of AWS: its secret, its KMS key, its "
             "token. For a database in another account.", .example = "--source-role-arn arn:aws:iam::111122223333:role/sluice-reader",
     .set = set_auth_role_arn},
    {.name = "source-external-id",
     .commands = FOR_LOAD | FOR_CHECK | FOR_AWS_SETUP,
     .argument = "ID",
     .group = GROUP_AUTH,
     .help = "The external id that the role's trust policy asks for.",
     .set = set_auth_external_id},
    {.name = "source-session-tag",
     .commands = FOR_LOAD | FOR_CHECK | FOR_AWS_SETUP,
     .argument = "KEY=VALUE",
     .group = GROUP_AUTH,
     .repeatable = true,
     .help = "A session tag for the role's session (sts:TagSession).",
     .set = set_auth_tag},
    {.name = "source-iam-host",
     .commands = FOR_LOAD | FOR_CHECK | FOR_AWS_SETUP,
     .argument = "HOST[:PORT]",
     .group = GROUP_AUTH,
     .help = "Sign the token for this host, not for the one that is dialled: for tunnels, "
             "PrivateLink and names of your own.",                                                                                                                                                                              .example = "--source-iam-host shop.cluster-abc.eu-west-1.rds.amazonaws.com",
     .set = set_auth_iam_host},
    {.name = "source-region",
     .commands = FOR_LOAD | FOR_CHECK | FOR_AWS_SETUP,
     .argument = "REGION",
     .group = GROUP_AUTH,
     .default_text = "AWS_REGION, the profile, an ARN, or the host's name",
     .variable = "SLUICE_SOURCE_REGION",
     .help = "The AWS Region of the source's database, secret and key.",
     .set = set_auth_region},
    {.name = "source-ca",
     .commands = FOR_LOAD | FOR_CHECK | FOR_AWS_SETUP,
     .argument = "FILE",
     .group = GROUP_AUTH,
     .default_text = "sslrootcert, ~/.postgresql/root.crt, or the system's roots",
     .variable = "SLUICE_SOURCE_CA",
     .help = "Roots that the source's certificate is checked against (PEM). For RDS and Aurora: "
             "the bundle that AWS publishes.", .example = "--source-ca global-bundle.pem",
     .set = set_auth_ca},
    {.name = "source-password-kms",
     .commands = FOR_LOAD | FOR_CHECK | FOR_AWS_SETUP,
     .argument = "FILE",
     .group = GROUP_AUTH,
     .help =
         "The source's password as KMS ciphertext, base64 or raw; it is decrypted at the start.",                                                                                                                                                                                                                  .set = set_auth_password_kms},
    {.name = "source-kms-context",
     .commands = FOR_LOAD | FOR_CHECK | FOR_AWS_SETUP,
     .argument = "KEY=VALUE",
     .group = GROUP_AUTH,
     .repeatable = true,
     .help = "Encryption context that the password was encrypted with.",
     .set = set_auth_context},

    {.name = "destination-secret",
     .commands = FOR_LOAD | FOR_CHECK | FOR_AWS_SETUP,
     .argument = "ARN|NAME",
     .group = GROUP_AUTH,
     .variable = "SLUICE_DESTINATION_SECRET",
     .help =
         "Take user and password of the destination from this secret of AWS Secrets Manager, and "
         "host, port and database too where the connection string leaves them out. It is read "
         "again when the server refuses the password, so that it may be rotated at any time.", .example = "--destination-secret prod/shop/destination",
     .set = set_auth_secret},
    {.name = "destination-iam",
     .commands = FOR_LOAD | FOR_CHECK | FOR_AWS_SETUP,
     .group = GROUP_AUTH,
     .help = "Log in to the destination with an IAM token in place of a password. Needs TLS, a "
             "role with rds_iam, and rds-db:connect.",                                                                                                                               .set = set_auth_iam                                                                                                                                                        },
    {.name = "destination-role-arn",
     .commands = FOR_LOAD | FOR_CHECK | FOR_AWS_SETUP,
     .argument = "ARN",
     .group = GROUP_AUTH,
     .variable = "SLUICE_DESTINATION_ROLE_ARN",
     .help = "Assume this role for all that the destination needs of AWS: its secret, its KMS key, "
             "its token. For a database in another account.", .example = "--destination-role-arn arn:aws:iam::111122223333:role/sluice-reader",
     .set = set_auth_role_arn},
    {.name = "destination-external-id",
     .commands = FOR_LOAD | FOR_CHECK | FOR_AWS_SETUP,
     .argument = "ID",
     .group = GROUP_AUTH,
     .help = "The external id that the role's trust policy asks for.",
     .set = set_auth_external_id},
    {.name = "destination-session-tag",
     .commands = FOR_LOAD | FOR_CHECK | FOR_AWS_SETUP,
     .argument = "KEY=VALUE",
     .group = GROUP_AUTH,
     .repeatable = true,
     .help = "A session tag for the role's session (sts:TagSession).",
     .set = set_auth_tag},
    {.name = "destination-iam-host",
     .commands = FOR_LOAD | FOR_CHECK | FOR_AWS_SETUP,
     .argument = "HOST[:PORT]",
     .group = GROUP_AUTH,
     .help = "Sign the token for this host, not for the one that is dialled: for tunnels, "
             "PrivateLink and names of your own.",                                                                                                                                                                                                                  .example = "--destination-iam-host shop.cluster-abc.eu-west-1.rds.amazonaws.com",
     .set = set_auth_iam_host},
    {.name = "destination-region",
     .commands = FOR_LOAD | FOR_CHECK | FOR_AWS_SETUP,
     .argument = "REGION",
     .group = GROUP_AUTH,
     .default_text = "AWS_REGION, the profile, an ARN, or the host's name",
     .variable = "SLUICE_DESTINATION_REGION",
     .help = "The AWS Region of the destination's database, secret and key.",
     .set = set_auth_region},
    {.name = "destination-ca",
     .commands = FOR_LOAD | FOR_CHECK | FOR_AWS_SETUP,
     .argument = "FILE",
     .group = GROUP_AUTH,
     .default_text = "sslrootcert, ~/.postgresql/root.crt, or the system's roots",
     .variable = "SLUICE_DESTINATION_CA",
     .help = "Roots that the destination's certificate is checked against (PEM). For RDS and "
             "Aurora: the bundle that AWS publishes.", .example = "--destination-ca global-bundle.pem",
     .set = set_auth_ca},
    {.name = "destination-password-kms",
     .commands = FOR_LOAD | FOR_CHECK | FOR_AWS_SETUP,
     .argument = "FILE",
     .group = GROUP_AUTH,
     .help = "The destination's password as KMS ciphertext, base64 or raw; it is decrypted at the "
             "start.",                                                                                            .set = set_auth_password_kms},
    {.name = "destination-kms-context",
     .commands = FOR_LOAD | FOR_CHECK | FOR_AWS_SETUP,
     .argument = "KEY=VALUE",
     .group = GROUP_AUTH,
     .repeatable = true,
     .help = "Encryption context that the password was encrypted with.",
     .set = set_auth_context},

    {.name = "kms-context",
     .commands = FOR_LOAD | FOR_CHECK | FOR_AWS_SETUP,
     .argument = "KEY=VALUE",
     .group = GROUP_AUTH,
     .repeatable = true,
     .help = "The same encryption context for both sides.",
     .example = "--kms-context app=shop",
     .set = set_kms_context},
    {.name = "aws-profile",
     .commands = FOR_LOAD | FOR_CHECK | FOR_AWS_TOKEN | FOR_AWS_WHOAMI | FOR_AWS_SETUP,
     .argument = "NAME",
     .group = GROUP_AUTH,
     .default_text = "AWS_PROFILE, else default",
     .help = "The profile of ~/.aws/config to take credentials and Region from. As with awscli, "
             "keys in the environment are then not looked at.", .set = set_aws_profile},

    {.name = "table",
     .commands = FOR_LOAD | FOR_CHECK,
     .letter = 't',
     .argument = "PATTERN",
     .group = GROUP_TABLES,
     .default_text = "every table",
     .help =
         "Load only tables that match. Patterns are psql's: * and ? match, SCHEMA.TABLE, double "
         "quotes keep capitals. A foreign table, view or materialised view is loaded only "
         "when its full name is given.", .example = "-t 'sales.*' -t public.customer",
     .repeatable = true,
     .set = set_table},
    {.name = "exclude-table",
     .commands = FOR_LOAD | FOR_CHECK,
     .letter = 'T',
     .argument = "PATTERN",
     .group = GROUP_TABLES,
     .help = "Leave out tables that match, even when --table names them.",
     .example = "-T '*.audit_*'",
     .repeatable = true,
     .set = set_exclude_table},
    {.name = "schema",
     .commands = FOR_LOAD | FOR_CHECK,
     .letter = 'n',
     .argument = "PATTERN",
     .group = GROUP_TABLES,
     .default_text = "every schema",
     .help = "Load only tables in schemas that match.",
     .example = "-n sales",
     .repeatable = true,
     .set = set_schema},
    {.name = "exclude-schema",
     .commands = FOR_LOAD | FOR_CHECK,
     .letter = 'N',
     .argument = "PATTERN",
     .group = GROUP_TABLES,
     .help = "Leave out schemas that match.",
     .example = "-N 'tmp_*'",
     .repeatable = true,
     .set = set_exclude_schema},
    {.name = "where",
     .argument = "TABLE=EXPR",
     .group = GROUP_TABLES,
     .help = "Load only the rows of TABLE, a pattern, for which the SQL expression holds. ",
     .example = "--where \"public.orders=placed_at >= '2024-01-01'\"",
     .repeatable = true,
     .set = set_where},

    {.name = "jobs",
     .commands = FOR_LOAD | FOR_CHECK,
     .letter = 'j',
     .argument = "N",
     .group = GROUP_SPEED,
     .default_text = "4",
     .preset = true,
     .variable = "SLUICE_JOBS",
     .help = "Streams that copy at the same time, 1 to 256. N streams take 2N+2 connections in "
             "all.", .example = "-j 8",
     .set = set_jobs},
    {.name = "memory",
     .argument = "SIZE",
     .group = GROUP_SPEED,
     .default_text = "256MB",
     .preset = true,
     .variable = "SLUICE_MEMORY",
     .help = "Memory for rows on their way, all streams together, 16MB to 1TB. libpq's own row "
             "buffers come on top: about three times the widest row for each stream.", .example = "--memory 1GB",
     .set = set_memory},
    {.name = "chunk-size",
     .argument = "SIZE",
     .group = GROUP_SPEED,
     .default_text = "64MB",
     .preset = true,
     .variable = "SLUICE_CHUNK_SIZE",
     .help = "Size of the pieces into which tables are cut, 64kB to 1TB. A chunk is one "
             "transaction on the destination, and what is repeated after a fault.", .example = "--chunk-size 256MB",
     .set = set_chunk_size},
    {.name = "chunk-by",
     .argument = "auto|tid|key",
     .group = GROUP_SPEED,
     .default_text = "auto",
     .preset = true,
     .variable = "SLUICE_CHUNK_BY",
     .help = "How tables are cut: by place on disk (tid, PostgreSQL 14 and later) or by ranges of "
             "a key. auto takes tid where the source can do it.", .set = set_chunk_by},

    {.name = "mode",
     .commands = FOR_LOAD | FOR_CHECK,
     .argument = "error|append|truncate",
     .group = GROUP_WRITING,
     .default_text = "error",
     .preset = true,
     .help = "What to do when a destination table holds rows: error refuses, append adds to them, "
             "truncate empties the tables first, once in a job.", .example = "--mode truncate",
     .set = set_mode},
    {.name = "format",
     .argument = "auto|binary|text",
     .group = GROUP_WRITING,
     .default_text = "auto",
     .preset = true,
     .variable = "SLUICE_FORMAT",
     .help = "COPY format. auto takes binary for each table whose column types are proven to be "
             "the same on both sides, else text; binary refuses tables that lack the proof.", .set = set_format},
    {.name = "triggers",
     .commands = FOR_LOAD | FOR_CHECK,
     .argument = "keep|disable",
     .group = GROUP_WRITING,
     .default_text = "disable where that is safe and allowed, else keep",
     .help = "Triggers and foreign key checks of the destination while rows are loaded. disable "
             "sets session_replication_role. keep loads parents before children.", .set = set_triggers},
    {.name = "no-sequences",
     .group = GROUP_WRITING,
     .help = "Leave sequences alone. Otherwise those of loaded columns are moved forward to the "
             "source's value, never back.",                                                                                               .set = set_no_sequences                                                                                                                               },
    {.name = "no-analyze",
     .group = GROUP_WRITING,
     .help = "Do not run ANALYZE on the loaded tables at the end.",
     .set = set_no_analyze                                                                                                                            },

    {.name = "job",
     .argument = "NAME",
     .group = GROUP_JOB,
     .default_text = "derived from the databases, the tables and --where",
     .help =
         "The job's name in the ledger, 1 to 100 printable characters without a slash. The same "
         "command finds its job again without it.",                                                                                                                                                                                                             .example = "--job nightly-shop",
     .set = set_job},
    {.name = "restart",
     .group = GROUP_JOB,
     .help = "Forget what this job has loaded and begin anew; --mode decides about the rows.",
     .set = set_restart                                                                                                                            },
    {.name = "on-lost-snapshot",
     .argument = "fail|restart-tables",
     .group = GROUP_JOB,
     .default_text = "fail",
     .preset = true,
     .variable = "SLUICE_ON_LOST_SNAPSHOT",
     .help = "When the source has lost the job's snapshot, as after its restart: fail stops with "
             "the list of unfinished tables, restart-tables empties these and reads them anew.", .set = set_on_lost_snapshot},
    {.name = "hold-snapshot",
     .argument = "DURATION",
     .group = GROUP_JOB,
     .default_text = "1h",
     .preset = true,
     .variable = "SLUICE_HOLD_SNAPSHOT",
     .help = "How long the snapshot is kept for a resume after the loader has died, at most 30d. "
             "It holds back vacuum on the source.", .example = "--hold-snapshot 4h",
     .set = set_hold_snapshot},
    {.name = "retry-for",
     .argument = "DURATION",
     .group = GROUP_JOB,
     .default_text = "5min",
     .preset = true,
     .variable = "SLUICE_RETRY_FOR",
     .help = "Give up after nothing but failures for so long, at most 30d; 0 never retries.",
     .example = "--retry-for 30min",
     .set = set_retry_for},
    {.name = "ledger-schema",
     .commands = FOR_LOAD | FOR_CHECK,
     .argument = "NAME",
     .group = GROUP_JOB,
     .default_text = "sluice",
     .preset = true,
     .variable = "SLUICE_LEDGER_SCHEMA",
     .help = "Schema on the destination for the tables that record what is loaded.",
     .set = set_ledger_schema},
    {.name = "dry-run",
     .group = GROUP_JOB,
     .help = "Print the plan, touch nothing on either side.",
     .set = set_dry_run                                                                                                                                   },
    {.name = "print-sql",
     .group = GROUP_JOB,
     .help = "Print the SQL that makes the roles for both sides and the ledger, and end.",
     .set = set_print_sql                                                                                                         },

    {.name = "host",
     .commands = FOR_AWS_TOKEN,
     .argument = "HOST",
     .group = GROUP_AWS,
     .help = "The database's own host name, as AWS gave it: the token is signed for it.",
     .example = "--host shop.cluster-abc.eu-west-1.rds.amazonaws.com",
     .set = set_aws_host},
    {.name = "port",
     .commands = FOR_AWS_TOKEN,
     .argument = "PORT",
     .group = GROUP_AWS,
     .default_text = "5432",
     .preset = true,
     .help = "Its port.",
     .set = set_aws_port},
    {.name = "user",
     .commands = FOR_AWS_TOKEN,
     .argument = "USER",
     .group = GROUP_AWS,
     .help = "The database role to log in as.",
     .set = set_aws_user},
    {.name = "region",
     .commands = FOR_AWS_TOKEN | FOR_AWS_WHOAMI | FOR_AWS_SETUP,
     .argument = "REGION",
     .group = GROUP_AWS,
     .default_text = "AWS_REGION, the profile, or the host's name",
     .help = "The AWS Region.",
     .set = set_aws_region},
    {.name = "role-arn",
     .commands = FOR_AWS_TOKEN | FOR_AWS_WHOAMI,
     .argument = "ARN",
     .group = GROUP_AWS,
     .help = "Assume this role first.",
     .set = set_aws_role_arn},
    {.name = "external-id",
     .commands = FOR_AWS_TOKEN | FOR_AWS_WHOAMI,
     .argument = "ID",
     .group = GROUP_AWS,
     .help = "The external id that the role's trust policy asks for.",
     .set = set_aws_external_id},
    {.name = "session-tag",
     .commands = FOR_AWS_TOKEN | FOR_AWS_WHOAMI,
     .argument = "KEY=VALUE",
     .group = GROUP_AWS,
     .repeatable = true,
     .help = "A session tag for the role's session.",
     .set = set_aws_tag},
    {.name = "out",
     .commands = FOR_AWS_SETUP,
     .argument = "DIRECTORY",
     .group = GROUP_AWS,
     .default_text = "sluice-aws-setup",
     .preset = true,
     .help = "Where the files are written; it must not exist yet.",
     .set = set_aws_out},
    {.name = "aws-utility",
     .commands = FOR_AWS_SETUP,
     .group = GROUP_AWS,
     .help = "Also write what AWS's own loading utility for Limitless needs: its tagged role and "
             "key policy.",                                                                                                                             .set = set_aws_utility                                                                                                                                                                         },

    {.name = "progress",
     .argument = "auto|tty|plain|json|none",
     .group = GROUP_OUTPUT,
     .default_text = "auto",
     .preset = true,
     .variable = "SLUICE_PROGRESS",
     .help = "Progress on stderr: tty one live line, plain a line every few seconds; auto takes "
             "tty on a terminal, else plain. json writes JSON lines, the summary among them, to "
             "stdout.", .set = set_progress},
    {.name = "json",
     .commands = FOR_CHECK | FOR_AWS_WHOAMI,
     .group = GROUP_OUTPUT,
     .help = "Print JSON.",
     .set = set_json                                                                                                                        },
    {.name = "log-format",
     .commands = FOR_LOAD | FOR_CHECK | FOR_AWS_TOKEN | FOR_AWS_WHOAMI | FOR_AWS_SETUP,
     .argument = "text|json",
     .group = GROUP_OUTPUT,
     .default_text = "text",
     .preset = true,
     .variable = "SLUICE_LOG_FORMAT",
     .help = "Form of the log lines on stderr.",
     .set = set_log_format},
    {.name = "verbose",
     .commands = FOR_LOAD | FOR_CHECK | FOR_AWS_TOKEN | FOR_AWS_WHOAMI | FOR_AWS_SETUP,
     .letter = 'v',
     .group = GROUP_OUTPUT,
     .help = "Log every retry with its reason.",
     .set = set_verbose},
    {.name = "quiet",
     .commands = FOR_LOAD | FOR_CHECK | FOR_AWS_TOKEN | FOR_AWS_WHOAMI | FOR_AWS_SETUP,
     .letter = 'q',
     .group = GROUP_OUTPUT,
     .help = "Log errors only and show no progress; the summary is printed.",
     .set = set_quiet},
    {.name = "help",
     .commands = FOR_LOAD | FOR_CHECK | FOR_AWS_TOKEN | FOR_AWS_WHOAMI | FOR_AWS_SETUP,
     .letter = 'h',
     .group = GROUP_OUTPUT,
     .help = "Print this and end.",
     .verdict = OPTIONS_HELP},
    {.name = "help-markdown",
     .group = GROUP_OUTPUT,
     .help = "Print the options as a Markdown page and end.",
     .hidden = true,
     .verdict = OPTIONS_MARKDOWN                                                                                                                                                                                                                  },
};

static_assert(sizeof(table) / sizeof(table[0]) <= OPTIONS_MAX, "the parser has room for each");

const struct option_row *options_table(size_t *count)
{
    *count = sizeof(table) / sizeof(table[0]);
    return table;
}

bool option_is_for(const struct option_row *row, enum option_command command)
{
    return ((row->commands == 0 ? FOR_LOAD : row->commands) & (unsigned)command) != 0;
}

const char *command_name(enum option_command command)
{
    switch (command) {
    case FOR_CHECK:
        return "check";
    case FOR_AWS_TOKEN:
        return "aws token";
    case FOR_AWS_WHOAMI:
        return "aws whoami";
    case FOR_AWS_SETUP:
        return "aws setup";
    case FOR_LOAD:
    default:
        return "load";
    }
}

const char *option_group_title(enum option_group group)
{
    static const char *const titles[GROUP_COUNT] = {
        [GROUP_SERVERS] = "Servers",
        [GROUP_AUTH] = "Credentials from AWS",
        [GROUP_TABLES] = "Tables and rows",
        [GROUP_SPEED] = "Streams, memory and chunks",
        [GROUP_WRITING] = "How rows are written",
        [GROUP_JOB] = "The job",
        [GROUP_AWS] = "AWS",
        [GROUP_OUTPUT] = "Output",
    };
    return titles[group];
}

/* The defaults go through the same checks as what a user types. */
bool options_defaults(struct spec *spec, struct err *err)
{
    spec->sequences = true;
    spec->analyze = true;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        const struct option_row *row = &table[i];
        struct option_value value = {.row = row, .where = row->name, .text = row->default_text};
        if (row->preset && !row->set(spec, &value, err)) {
            return false;
        }
    }
    return true;
}

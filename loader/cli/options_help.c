#include "cli/options.h"
#include "cli/options_table.h"
#include "job/exit_status.h"

#include <string.h>

#define HELP_WIDTH    80
#define HELP_INDENT   8  /* of the text under an option */
#define DEFAULT_SHORT 48 /* a default and its variable share a line */

struct example {
    const char *what;
    const char *words;
};

static const struct example load_examples[] = {
    {"Every table of a database, with eight streams",
     "sluice load --source service=shop_old --destination service=shop_new -j 8"                                          },
    {"What would be done, and nothing else",
     "sluice load --source service=shop_old --destination service=shop_new --dry-run"                                     },
    {"A new database with all of its schema, ready to query at the end",
     "sluice load --with-schema --source service=shop_old --destination service=shop_new"                                 },
    {"Two schemas without their logs, replacing what is there",
     "sluice load --source service=shop_old --destination service=shop_new \\\n"
     "    -n sales -n stock -T '*.*_log' --mode truncate --job nightly"                                                   },
    {"A job file, and one value of it another today",                                "sluice load --config shop.yaml -j 2"},
    {"The source's password from Secrets Manager, an IAM token for the destination",
     "sluice load --source-secret prod/shop/reader \\\n"
     "    --destination 'rds:shop-limitless/postgres_limitless user=loader' "
     "--destination-iam"                                                                                                  },
    {"The SQL for roles with no more rights than needed, for a DBA to look through",
     "sluice load --print-sql"                                                                                            },
    {NULL,                                                                           NULL                                 },
};

static const struct example check_examples[] = {
    {"Before a load, with its own options",
     "sluice check --source-secret prod/shop/reader --destination service=shop_new -j 8"},
    {"For a machine",                       "sluice check --source service=shop_old --destination service=shop_new "
                      "--json"                                     },
    {NULL,                                  NULL                                        },
};

static const struct example bench_examples[] = {
    {"How many streams these two servers are worth",
     "sluice bench --source service=shop_old --destination service=shop_new"},
    {"How fast the source can be read, with 256 MB of one table",
     "sluice bench --source service=shop_old --only source -t sales.orders \\\n"
     "    --bench-bytes 256MB"                                              },
    {NULL,                                                        NULL      },
};

static const struct example token_examples[] = {
    {"A psql session by IAM",
     "H=shop.cluster-abc.eu-west-1.rds.amazonaws.com\n"
     "  PGPASSWORD=$(sluice aws token --host $H --user loader) \\\n"
     "    psql \"host=$H user=loader dbname=shop sslmode=verify-full sslrootcert=rds.pem\""},
    {NULL,                    NULL                                                         },
};

static const struct example whoami_examples[] = {
    {"The identity behind a profile", "sluice aws whoami --aws-profile nightly"},
    {NULL,                            NULL                                     },
};

static const struct example schema_examples[] = {
    {"What becomes of each object",
     "sluice schema --source service=shop_old --destination service=shop_new"                            },
    {"The statements, to be read first",     "sluice schema --source service=shop_old --destination "
                                         "service=shop_new --config shop.yaml \\\n"
                                         "    --emit shop-schema"},
    {"Everything, with the rows in between",
     "sluice schema --config shop.yaml --apply before && sluice load --config shop.yaml && \\\n"
     "    sluice schema --config shop.yaml --apply after"                                                },
    {NULL,                                   NULL                                                        },
};

static const struct example assess_examples[] = {
    {"What would become of the shop",    "sluice assess --source 'host=db1 dbname=shop'"},
    {"The same, and a job file to edit",
     "sluice assess --source 'host=db1 dbname=shop' --out shop.yaml"                    },
    {NULL,                               NULL                                           },
};

static const struct example setup_examples[] = {
    {"For a source with a secret and a destination by IAM",
     "sluice aws setup --source-secret prod/shop/reader \\\n"
     "    --destination 'rds:shop-limitless/postgres_limitless user=loader' "
     "--destination-iam --out setup"                            },
    {NULL,                                                  NULL},
};

struct command_text {
    enum option_command command;
    const char *usage; /* what follows the command's name */
    const char *about;
    const struct example *examples; /* ended by one without words */
};

static const struct command_text commands[] = {
    {FOR_LOAD,       "--source CONNINFO --destination CONNINFO [OPTION]...",
     "Loads tables of one PostgreSQL database into another by parallel COPY, each row exactly "
     "once. "
     "Run the same command again to resume a load that was stopped.",                      load_examples  },
    {FOR_CHECK,      "--source CONNINFO --destination CONNINFO [OPTION]...",
     "Looks at everything that a load with the same options needs, on both sides and in AWS, and "
     "says for each finding how to mend it. Changes nothing.",                             check_examples },
    {FOR_BENCH,      "--source CONNINFO --destination CONNINFO [OPTION]...",
     "Measures how fast the source can be read, the destination written, and both together, with "
     "different numbers of streams, and says which to use. Writes only to scratch tables in a "
     "schema of its own, which is dropped at the end.",                                    bench_examples },
    {FOR_ASSESS,     "--source CONNINFO [OPTION]...",
     "Looks at the source's catalogs and statistics and proposes how its tables would stand in a "
     "Limitless shard group: modes, shard keys, what they cost, and what is in the way. Changes "
     "nothing.",                                                                           assess_examples},
    {FOR_SCHEMA,     "--source CONNINFO --destination CONNINFO [OPTION]...",
     "Takes the source's schema from pg_dump and says what becomes of each object at the "
     "destination; writes that as SQL, or makes it: one part before the rows are loaded, the other "
     "one after them. A shard group gets what it can take, by the rules of the job file.", schema_examples},
    {FOR_AWS_TOKEN,  "--host HOST --user USER [OPTION]...",
     "Prints an IAM token for a database login: the password of the next 15 minutes.",     token_examples },
    {FOR_AWS_WHOAMI, "[OPTION]...",
     "Says which AWS identity would be used, where its credentials come from, and how far the "
     "clocks are apart.",                                                                  whoami_examples},
    {FOR_AWS_SETUP,  "--source CONNINFO --destination CONNINFO [OPTION]...",
     "Writes, as files to review, what a load with these options needs in AWS and in both "
     "databases: policies, roles, SQL, and a script that applies them and takes them back. Applies "
     "nothing.",                                                                           setup_examples },
};

static const struct command_text *text_of(enum option_command command)
{
    const struct command_text *text = &commands[0];
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        text = commands[i].command == command ? &commands[i] : text;
    }
    return text;
}

struct exit_meaning {
    int status;
    const char *meaning;
};

static const struct exit_meaning exit_meanings[] = {
    {EXIT_DONE,            "Done."                                                                       },
    {EXIT_FAILED,          "Failed: a data or server error that running again will not cure."            },
    {EXIT_USAGE,           "Wrong usage, configuration or table: nothing was loaded by this run."        },
    {EXIT_DENIED,          "A credential or a permission was refused."                                   },
    {EXIT_UNREACHABLE,     "A server could not be reached before planning."                              },
    {EXIT_STOPPED,         "Stopped by a signal, or faults outlived the retries: run it again to resume."},
    {EXIT_REJECTED,        "Done, with rejected rows."                                                   },
    {EXIT_DIFFERENT,       "Verification found a difference."                                            },
    {EXIT_ALREADY_RUNNING, "This job is already running."                                                },
};

/* Writes text word by word, each line after indent columns and at most HELP_WIDTH long. */
static void print_wrapped(FILE *out, const char *text, size_t indent)
{
    size_t column = 0;

    while (*text != '\0') {
        size_t len = strcspn(text, " ");
        if (column > 0 && column + 1 + len > HELP_WIDTH) {
            (void)fputc('\n', out);
            column = 0;
        }
        if (column == 0) {
            (void)fprintf(out, "%*s", (int)indent, "");
            column = indent;
        } else {
            (void)fputc(' ', out);
            column++;
        }
        (void)fwrite(text, 1, len, out);
        column += len;
        text += len;
        text += strspn(text, " ");
    }
    (void)fputc('\n', out);
}

static void print_option(FILE *out, const struct option_row *row)
{
    (void)fprintf(out, "\n  ");
    if (row->letter != 0) {
        (void)fprintf(out, "-%c, ", row->letter);
    }
    (void)fprintf(out, "--%s%s%s%s\n", row->name, row->argument == NULL ? "" : " ",
                  row->argument == NULL ? "" : row->argument,
                  row->repeatable ? "   (may be repeated)" : "");
    print_wrapped(out, row->help, HELP_INDENT);
    bool one_line = row->default_text != NULL && strlen(row->default_text) <= DEFAULT_SHORT;
    if (row->default_text != NULL) {
        (void)fprintf(out, "%*sDefault: %s%s", HELP_INDENT, "", row->default_text,
                      one_line && row->variable != NULL ? "; variable: " : "\n");
    }
    if (row->variable != NULL) {
        (void)fprintf(out, "%*s%s%s\n", one_line ? 0 : HELP_INDENT, "",
                      one_line ? "" : "Variable: ", row->variable);
    }
    if (row->example != NULL) {
        (void)fprintf(out, "%*sExample: %s\n", HELP_INDENT, "", row->example);
    }
}

static void print_groups(FILE *out, enum option_command command)
{
    size_t count = options_count();
    enum option_group group = GROUP_COUNT;

    for (size_t i = 0; i < count; i++) {
        if (option_at(i)->hidden || !option_is_for(option_at(i), command)) {
            continue;
        }
        if (option_at(i)->group != group) {
            group = option_at(i)->group;
            (void)fprintf(out, "\n%s:\n", option_group_title(group));
        }
        print_option(out, option_at(i));
    }
}

void options_help(enum option_command command, FILE *out)
{
    const struct command_text *text = text_of(command);

    (void)fprintf(out, "Usage: sluice %s %s\n\n", command_name(command), text->usage);
    print_wrapped(out, text->about, 0);
    print_groups(out, command);
    (void)fputc('\n', out);
    print_wrapped(out,
                  "Sizes are written 64kB, 256MB, 1GB; durations 500ms, 30s, 5min, 1h, 2d. The "
                  "command line goes before a variable, a variable before the job file, the job "
                  "file before the default.",
                  0);
    (void)fputs("\nExamples:\n", out);
    for (const struct example *e = text->examples; e->what != NULL; e++) {
        (void)fprintf(out, "\n  # %s\n  %s\n", e->what, e->words);
    }
    (void)fputs("\nExit status:\n\n", out);
    for (size_t i = 0; i < sizeof(exit_meanings) / sizeof(exit_meanings[0]); i++) {
        (void)fprintf(out, "  %d  %s\n", exit_meanings[i].status, exit_meanings[i].meaning);
    }
}

/* Text outside code: what Markdown would read as formatting is escaped. */
static void put_markdown(FILE *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (strchr("*_<>|[]`\\", *text) != NULL) {
            (void)fputc('\\', out);
        }
        (void)fputc(*text, out);
    }
}

static void markdown_option(FILE *out, const struct option_row *row)
{
    (void)fprintf(out, "\n### `--%s%s%s`", row->name, row->argument == NULL ? "" : " ",
                  row->argument == NULL ? "" : row->argument);
    if (row->letter != 0) {
        (void)fprintf(out, ", `-%c`", row->letter);
    }
    (void)fputs("\n\n", out);
    put_markdown(out, row->help);
    (void)fputs(row->repeatable ? " May be repeated.\n" : "\n", out);
    if (row->default_text != NULL) {
        (void)fputs("\nDefault: ", out);
        if (row->preset) {
            (void)fprintf(out, "`%s`", row->default_text);
        } else {
            put_markdown(out, row->default_text);
        }
        (void)fprintf(out, row->variable == NULL ? ".\n" : ". Variable: `%s`.\n", row->variable);
    } else if (row->variable != NULL) {
        (void)fprintf(out, "\nVariable: `%s`.\n", row->variable);
    }
    if (row->example != NULL) {
        (void)fprintf(out, "\n```sh\nsluice load ... %s\n```\n", row->example);
    }
}

static void markdown_examples(FILE *out, const struct command_text *text)
{
    for (const struct example *e = text->examples; e->what != NULL; e++) {
        (void)fprintf(out, "\n%s:\n\n```sh\n%s\n```\n", e->what, e->words);
    }
}

static void markdown_groups(FILE *out, enum option_command command)
{
    size_t count = options_count();
    enum option_group group = GROUP_COUNT;

    for (size_t i = 0; i < count; i++) {
        if (option_at(i)->hidden || !option_is_for(option_at(i), command)) {
            continue;
        }
        if (option_at(i)->group != group) {
            group = option_at(i)->group;
            (void)fprintf(out, "\n## %s\n", option_group_title(group));
        }
        markdown_option(out, option_at(i));
    }
}

/* What the other commands share with load is named; what they alone take is told in full. */
static void markdown_command(FILE *out, const struct command_text *text)
{
    size_t count = options_count();
    const char *comma = "";

    (void)fprintf(out, "\n## `sluice %s %s`\n\n", command_name(text->command), text->usage);
    put_markdown(out, text->about);
    (void)fputs("\n\nAs for `load`: ", out);
    for (size_t i = 0; i < count; i++) {
        if (!option_at(i)->hidden && option_is_for(option_at(i), text->command) &&
            option_is_for(option_at(i), FOR_LOAD)) {
            (void)fprintf(out, "%s`--%s`", comma, option_at(i)->name);
            comma = ",\n";
        }
    }
    (void)fputs(".\n", out);
    for (size_t i = 0; i < count; i++) {
        if (!option_at(i)->hidden && option_is_for(option_at(i), text->command) &&
            !option_is_for(option_at(i), FOR_LOAD)) {
            markdown_option(out, option_at(i));
        }
    }
    markdown_examples(out, text);
}

void options_markdown(FILE *out)
{
    (void)fputs("# Options of `sluice`\n\n"
                "This page is printed by `sluice load --help-markdown`; change the option table, "
                "not the page.\nFirst come the options of `sluice load`, then what the other "
                "commands take.\n\n"
                "Sizes are written `64kB`, `256MB`, `1GB`; durations `500ms`, `30s`, `5min`, `1h`, "
                "`2d`. The command\nline goes before a variable, a variable before the [job "
                "file](job-file.md), the job file before the\ndefault. Of an option that is given "
                "twice the last value holds, unless it is repeatable.\n"
                "`--name value` and `--name=value` are the same, and so are\n`-j 8` and `-j8`; "
                "names are not abbreviated.\n",
                out);
    markdown_groups(out, FOR_LOAD);
    (void)fputs("\n## Examples\n", out);
    markdown_examples(out, &commands[0]);
    for (size_t i = 1; i < sizeof(commands) / sizeof(commands[0]); i++) {
        markdown_command(out, &commands[i]);
    }
    (void)fputs("\n## Exit status\n\n| status | meaning |\n|--:|---|\n", out);
    for (size_t i = 0; i < sizeof(exit_meanings) / sizeof(exit_meanings[0]); i++) {
        (void)fprintf(out, "| %d | %s |\n", exit_meanings[i].status, exit_meanings[i].meaning);
    }
}

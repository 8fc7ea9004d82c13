#include "cli/options.h"
#include "cli/options_table.h"
#include "job/exit_status.h"

#include <string.h>

#define HELP_WIDTH  80
#define HELP_INDENT 8 /* of the text under an option */

struct example {
    const char *what;
    const char *words;
};

static const struct example examples[] = {
    {"Every table of a database, with eight streams",
     "sluice load --source service=shop_old --destination service=shop_new -j 8"     },
    {"What would be done, and nothing else",
     "sluice load --source service=shop_old --destination service=shop_new --dry-run"},
    {"Two schemas without their logs, replacing what is there",
     "sluice load --source service=shop_old --destination service=shop_new \\\n"
     "    -n sales -n stock -T '*.*_log' --mode truncate --job nightly"              },
    {"The SQL for roles with no more rights than needed, for a DBA to look through",
     "sluice load --print-sql"                                                       },
};

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
    if (row->default_text != NULL) {
        (void)fprintf(out, "%*sDefault: %s", HELP_INDENT, "", row->default_text);
        (void)fprintf(out, row->variable == NULL ? "\n" : "; variable: %s\n", row->variable);
    }
    if (row->example != NULL) {
        (void)fprintf(out, "%*sExample: %s\n", HELP_INDENT, "", row->example);
    }
}

void options_help(FILE *out)
{
    size_t count = 0;
    const struct option_row *rows = options_table(&count);

    (void)fputs("Usage: sluice load --source CONNINFO --destination CONNINFO [OPTION]...\n\n", out);
    print_wrapped(out,
                  "Loads tables of one PostgreSQL database into another by parallel COPY, each row "
                  "exactly once. Run the same command again to resume a load that was stopped.",
                  0);
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || rows[i].group != rows[i - 1].group) {
            (void)fprintf(out, "\n%s:\n", option_group_title(rows[i].group));
        }
        if (!rows[i].hidden) {
            print_option(out, &rows[i]);
        }
    }
    (void)fputc('\n', out);
    print_wrapped(out,
                  "Sizes are written 64kB, 256MB, 1GB; durations 500ms, 30s, 5min, 1h, 2d. The "
                  "command line goes before a variable, a variable before the default.",
                  0);
    (void)fputs("\nExamples:\n", out);
    for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
        (void)fprintf(out, "\n  # %s\n  %s\n", examples[i].what, examples[i].words);
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
    }
    if (row->example != NULL) {
        (void)fprintf(out, "\n```sh\nsluice load ... %s\n```\n", row->example);
    }
}

void options_markdown(FILE *out)
{
    size_t count = 0;
    const struct option_row *rows = options_table(&count);

    (void)fputs("# Options of `sluice load`\n\n"
                "This page is printed by `sluice load --help-markdown`; change the option table, "
                "not the page.\n\n"
                "Sizes are written `64kB`, `256MB`, `1GB`; durations `500ms`, `30s`, `5min`, `1h`, "
                "`2d`. The command\nline goes before a variable, a variable before the default. Of "
                "an option that is given twice the\nlast value holds, unless it is repeatable. "
                "`--name value` and `--name=value` are the same, and so are\n`-j 8` and `-j8`; "
                "names are not abbreviated.\n",
                out);
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || rows[i].group != rows[i - 1].group) {
            (void)fprintf(out, "\n## %s\n", option_group_title(rows[i].group));
        }
        if (!rows[i].hidden) {
            markdown_option(out, &rows[i]);
        }
    }
    (void)fputs("\n## Examples\n", out);
    for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
        (void)fprintf(out, "\n%s:\n\n```sh\n%s\n```\n", examples[i].what, examples[i].words);
    }
    (void)fputs("\n## Exit status\n\n| status | meaning |\n|--:|---|\n", out);
    for (size_t i = 0; i < sizeof(exit_meanings) / sizeof(exit_meanings[0]); i++) {
        (void)fprintf(out, "| %d | %s |\n", exit_meanings[i].status, exit_meanings[i].meaning);
    }
}

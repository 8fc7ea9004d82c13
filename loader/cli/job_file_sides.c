#include "cli/job_file_keys.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/secret.h"
#include "cli/connection_text.h"
#include "cli/environment.h"
#include "cli/nearest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENV_NAME_MAX     200
#define OPTION_NAME_ROOM 48
#define KEY_MAX          256 /* bytes: of a session tag AWS takes 128 characters */

/* ---- texts that may come from the environment ---- */

/* NAME of {env: NAME}; NULL when n is no such map. */
static const struct tree_node *env_name(const struct tree_node *n)
{
    bool is_env = n->kind == TREE_MAP && n->count == 1 && strcmp(n->first->text, "env") == 0;
    return is_env ? n->first->value : NULL;
}

static bool is_variable(const char *name)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";
    return name[0] != '\0' && strspn(name, letters) == strlen(name) &&
           (name[0] < '0' || name[0] > '9') && strlen(name) <= ENV_NAME_MAX;
}

/* The text of a value that may be {env: NAME}; *env is then NAME, else NULL. NULL when noted. */
static const char *side_text(struct job_reader *r, const struct tree_node *n, const char **env)
{
    const struct tree_node *name = env_name(n);
    *env = NULL;
    if (name == NULL && n->kind == TREE_MAP && !n->bad) {
        job_note(&r->notes, n->line, n->column, "a text is wanted here, or {env: NAME}");
        return NULL;
    }
    if (name == NULL) {
        return job_value(r, n, true);
    }
    const char *variable = job_text(r, name, true);
    if (variable == NULL) {
        return NULL;
    }
    if (!is_variable(variable)) {
        job_note(&r->notes, name->line, name->column,
                 "this is no name of an environment variable; letters, digits and _ are");
        return NULL;
    }
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): no other thread exists yet. */
    const char *text = getenv(variable);
    if (text == NULL || text[0] == '\0') {
        job_note(&r->notes, name->line, name->column,
                 "the environment variable %s is not set; set it, or write the value here",
                 variable);
        return NULL;
    }
    *env = variable;
    return text;
}

/* ---- connection strings ---- */

#define NO_PASSWORDS                                                                         \
    "no password may stand in a job file; give it by PGPASSWORD, ~/.pgpass, secret, iam or " \
    "password-kms, or the whole string by {env: NAME}"

/* What libpq calls an unknown keyword may be a piece of a password with a blank in it, so only the
 * known one that is near goes into a message. NULL: none is, or something else is wrong. */
static const char *nearest_keyword(const char *msg)
{
    static const char *const known[] = {"host",
                                        "hostaddr",
                                        "port",
                                        "dbname",
                                        "user",
                                        "password",
                                        "passfile",
                                        "service",
                                        "options",
                                        "application_name",
                                        "sslmode",
                                        "sslrootcert",
                                        "sslcert",
                                        "sslkey",
                                        "sslcrl",
                                        "connect_timeout",
                                        "krbsrvname",
                                        "client_encoding",
                                        "gssencmode",
                                        "keepalives",
                                        "target_session_attrs"};
    const char *begin = strchr(msg, '"');
    const char *end = begin == NULL ? NULL : strchr(begin + 1, '"');
    const char *best = NULL;
    size_t len = end == NULL ? 0 : (size_t)(end - begin) - 1;
    size_t limit = nearest_limit(len);
    for (size_t i = 0; end != NULL && i < sizeof known / sizeof known[0]; i++) {
        size_t distance = nearest_distance(begin + 1, len, known[i]);
        if (distance < limit) {
            best = known[i];
            limit = distance;
        }
    }
    return best;
}

/* False when noted. */
static bool check_connection(struct job_reader *r, const struct tree_node *n, const char *text)
{
    CLEANUP(secret_free) struct secret own = {.bytes = NULL};
    struct err err;
    bool has_password = false;
    if (!secret_set(&own, text, &err)) {
        job_out_of_memory(r);
        return false;
    }
    if (!connection_has_password(&own, &has_password, &err)) {
        if (err.kind == ERR_SYSTEM) {
            job_out_of_memory(r);
            return false;
        }
        const char *near = nearest_keyword(err.msg);
        job_note(&r->notes, n->line, n->column, "this is not a valid libpq connection string%s%s%s",
                 near == NULL ? "; write KEYWORD=VALUE pairs or a URI"
                              : ": a keyword in it is "
                                "unknown; did you mean ",
                 near == NULL ? "" : near, near == NULL ? "" : "?");
        return false;
    }
    if (has_password) {
        job_note(&r->notes, n->line, n->column, NO_PASSWORDS);
        return false;
    }
    return true;
}

/* ---- the keys ---- */

static const struct option_row *row_of(const char *side, const char *suffix)
{
    char name[OPTION_NAME_ROOM];
    int len = snprintf(name, sizeof name, "%s%s", side, suffix);
    return option_named(name, (size_t)len);
}

static void take_connection(struct job_reader *r, const struct tree_node *key, void *into)
{
    const char *env = NULL;
    const char *text = side_text(r, key->value, &env);
    if (text == NULL || (env == NULL && !check_connection(r, key->value, text))) {
        return;
    }
    job_set_option(r, row_of(into, ""), key->value, text, env);
}

static void take_with(struct job_reader *r, const struct tree_node *key, const char *side,
                      const char *suffix)
{
    const char *env = NULL;
    const char *text = side_text(r, key->value, &env);
    if (text != NULL) {
        job_set_option(r, row_of(side, suffix), key->value, text, env);
    }
}

static void take_secret(struct job_reader *r, const struct tree_node *key, void *into)
{
    take_with(r, key, into, "-secret");
}

static void take_iam(struct job_reader *r, const struct tree_node *key, void *into)
{
    bool on = false;
    if (job_bool(r, key->value, &on) && on) {
        job_set_option(r, row_of(into, "-iam"), key->value, "", NULL);
    }
}

static void take_role_arn(struct job_reader *r, const struct tree_node *key, void *into)
{
    take_with(r, key, into, "-role-arn");
}

static void take_external_id(struct job_reader *r, const struct tree_node *key, void *into)
{
    take_with(r, key, into, "-external-id");
}

static void take_iam_host(struct job_reader *r, const struct tree_node *key, void *into)
{
    take_with(r, key, into, "-iam-host");
}

static void take_region(struct job_reader *r, const struct tree_node *key, void *into)
{
    take_with(r, key, into, "-region");
}

static void take_ca(struct job_reader *r, const struct tree_node *key, void *into)
{
    take_with(r, key, into, "-ca");
}

static void take_password_kms(struct job_reader *r, const struct tree_node *key, void *into)
{
    take_with(r, key, into, "-password-kms");
}

static void refuse_password(struct job_reader *r, const struct tree_node *key, void *into)
{
    (void)into;
    job_note(&r->notes, key->line, key->column, NO_PASSWORDS);
}

/* ---- maps of pairs ---- */

static void take_pair(struct job_reader *r, const struct tree_node *key, void *into)
{
    const struct option_row *row = into;
    const char *env = NULL;
    struct buf pair;
    const char *name = job_value(r, key, true);
    const char *text = name == NULL ? NULL : side_text(r, key->value, &env);
    if (text == NULL) {
        return;
    }
    if (strchr(name, '=') != NULL || strlen(name) > KEY_MAX) {
        job_note(&r->notes, key->line, key->column,
                 "no = may stand in this key, and it has at most %d bytes", KEY_MAX);
        return;
    }
    buf_init(&pair, JOB_FILE_BYTES_MAX);
    buf_printf(&pair, "%s=%s", name, text);
    if (pair.failed) {
        job_out_of_memory(r);
    } else {
        job_set_option(r, row, key->value, buf_str(&pair), env);
    }
    buf_free(&pair);
}

static void take_pairs(struct job_reader *r, const struct tree_node *key, const char *side,
                       const char *suffix)
{
    union { /* the entry's taker gets no pointer to const */
        const struct option_row *row;
        void *into;
    } row = {.row = row_of(side, suffix)};
    job_take_entries(r, key->value, key->text, take_pair, row.into);
}

static void take_tags(struct job_reader *r, const struct tree_node *key, void *into)
{
    take_pairs(r, key, into, "-session-tag");
}

static void take_context(struct job_reader *r, const struct tree_node *key, void *into)
{
    take_pairs(r, key, into, "-kms-context");
}

#define TEXT "text|{env: NAME}"
static const struct job_key side_keys[] = {
    {"connection",   TEXT,           take_connection  },
    {"secret",       TEXT,           take_secret      },
    {"iam",          "true|false",   take_iam         },
    {"role-arn",     TEXT,           take_role_arn    },
    {"external-id",  TEXT,           take_external_id },
    {"role-tags",    "map of " TEXT, take_tags        },
    {"iam-host",     TEXT,           take_iam_host    },
    {"region",       TEXT,           take_region      },
    {"ca",           TEXT,           take_ca          },
    {"password-kms", TEXT,           take_password_kms},
    {"kms-context",  "map of " TEXT, take_context     },
};
#define SIDE_KEYS (sizeof side_keys / sizeof side_keys[0])
const struct job_keys job_side_keys = {side_keys, SIDE_KEYS, "a side", true};

/* What people write who look for the place of the password. */
static bool is_password(const char *name)
{
    static const char *const names[] = {"password", "passwd", "sslpassword", "pwd", "PGPASSWORD"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(name, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

void job_take_side(struct job_reader *r, const struct tree_node *key, void *into)
{
    char side[] = "destination";
    (void)into;
    (void)snprintf(side, sizeof side, "%s", key->text);
    if (key->value->kind == TREE_MAP) {
        /* Taken out of the way before the others, so that no nearest name is looked for. */
        for (struct tree_node *k = key->value->first; k != NULL; k = k->next) {
            if (!k->bad && is_password(k->text)) {
                refuse_password(r, k, NULL);
                k->bad = true;
            }
        }
    }
    struct job_keys keys = job_side_keys;
    keys.what = side;
    job_take_map(r, key->value, &keys, side);
}

/* A variable may serve both sides, so it is taken away when both have been read. */
void job_forget_sides(struct job_reader *r, const struct tree_node *top)
{
    for (const struct tree_node *s = top->kind == TREE_MAP ? top->first : NULL; s != NULL;
         s = s->next) {
        bool side = strcmp(s->text, "source") == 0 || strcmp(s->text, "destination") == 0;
        for (const struct tree_node *k = side && s->value->kind == TREE_MAP ? s->value->first
                                                                            : NULL;
             k != NULL; k = k->next) {
            const struct tree_node *name =
                strcmp(k->text, "connection") == 0 ? env_name(k->value) : NULL;
            if (name != NULL && name->kind == TREE_TEXT && r->notes.count == 0) {
                environment_forget(name->text);
            }
        }
    }
}

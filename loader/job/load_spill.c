/* The spill file of a load: its name, its key, its size. */
#include "base/cleanup.h"
#include "base/secret.h"
#include "base/str.h"
#include "flow/pipeline.h"
#include "job/identity.h"
#include "job/load_internal.h"
#include "job/spill_key.h"
#include "pg/conninfo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define WRAPPED_KEY_MAX 16384u /* in hex: KMS promises 6144 bytes at most */

/* ---- which command ---- */

static bool add_place(const struct secret *text, const char *side, struct buf *out, struct err *err)
{
    static const char *const words[] = {"host", "hostaddr", "port", "dbname"};
    struct conninfo *c = NULL;
    if (strncmp(secret_reveal(text), "rds:", 4) == 0) {
        const char *name = secret_reveal(text); /* what follows it may be a password */
        buf_printf(out, "%s %.*s\n", side, (int)strcspn(name, " \t\n"), name);
        return true;
    }
    if (!conninfo_parse(text, side, &c, err)) {
        return false;
    }
    buf_puts(out, side);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        buf_printf(out, " %s=%s", words[i], conninfo_effective(c, words[i]));
    }
    buf_puts(out, "\n");
    conninfo_free(&c);
    return true;
}

/* Where it reads from, as the command line says it, and what: enough to know the command again, and
 * nothing secret. */
bool load_command_text(const struct spec *spec, struct buf *out, struct err *err)
{
    char *identity = identity_spec(spec, false);
    if (identity == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory");
    }
    const struct side_auth *a = &spec->source_auth;
    bool ok = add_place(&spec->source, "source", out, err);
    buf_printf(out, "secret=%s role=%s iam-host=%s\njob=%s ledger=%s\n%s",
               a->secret == NULL ? "" : a->secret, a->role_arn == NULL ? "" : a->role_arn,
               a->iam_host == NULL ? "" : a->iam_host, spec->job == NULL ? "" : spec->job,
               spec->ledger_schema, identity);
    free(identity);
    return ok && buf_ok(out, err);
}

void load_spill_name(struct load *l)
{
    uint64_t h = str_hash(STR_HASH_START, l->result->job);
    h = str_hash(h, l->destination_identity.system);
    h = str_hash(h, l->destination_identity.database);
    h = str_hash(h, l->spec->ledger_schema);
    (void)snprintf(l->spill_name, sizeof l->spill_name, "sluice-%016llx", (unsigned long long)h);
}

/* ---- opening ---- */

static bool get_key(struct load *l, unsigned char key[SPILL_KEY_BYTES], struct err *err)
{
    const struct spec *s = l->spec;
    if (!s->release_early) {
        return spill_key_random(key, err);
    }
    if (s->spill_key_file != NULL) {
        return spill_key_from_file(s->spill_key_file, s->spill_dir, true, key, err);
    }
    buf_free(&l->wrapped_key);
    buf_init(&l->wrapped_key, WRAPPED_KEY_MAX);
    return auth_make_data_key(l->auth, s->spill_kms_key, l->result->job, key, &l->wrapped_key, err);
}

static bool limit_of(const struct spec *spec, uint64_t *limit_bytes, struct err *err)
{
    struct statvfs fs;
    *limit_bytes = spec->spill_limit_bytes;
    if (*limit_bytes != 0) {
        return true;
    }
    if (statvfs(spec->spill_dir, &fs) != 0) {
        (void)err_set_errno(err, "--spill-dir: %s", spec->spill_dir);
        err->kind = ERR_USAGE;
        return false;
    }
    *limit_bytes = (uint64_t)fs.f_bavail * fs.f_frsize / 5 * 4;
    return true;
}

/* As errno tells, what a person can change. */
static bool refuse_dir(const char *dir, struct err *err)
{
    (void)err_set_errno(err, "--spill-dir: %s cannot be used", dir);
    err->kind = ERR_USAGE;
    return false;
}

bool load_spill_check(const struct spec *spec, struct err *err)
{
    unsigned char key[SPILL_KEY_BYTES];
    struct stat st;
    if (spec->spill_dir == NULL) {
        return true;
    }
    if (stat(spec->spill_dir, &st) != 0) {
        return refuse_dir(spec->spill_dir, err);
    }
    if (!S_ISDIR(st.st_mode)) {
        return err_set(err, ERR_USAGE, "--spill-dir: %s is not a directory", spec->spill_dir);
    }
    if (access(spec->spill_dir, W_OK | X_OK) != 0) {
        return refuse_dir(spec->spill_dir, err);
    }
    if (spec->spill_key_file == NULL || spec->dry_run) {
        return true;
    }
    bool ok = spill_key_from_file(spec->spill_key_file, spec->spill_dir, true, key, err);
    secret_wipe(key, sizeof key);
    return ok;
}

/* A job that begins anew has another moment of beginning, one that reads unfinished tables anew has
 * another snapshot. */
bool load_plan_mark(struct load *l, char mark[LOAD_PLAN_MARK_MAX], struct err *err)
{
    CLEANUP(pg_rows_free) struct pg_rows *r = NULL;
    static const struct ledger_query query = {
        .text =
            "SELECT extract(epoch FROM created_at)::text, snapshot_no FROM @job WHERE job = $1"};
    if (!ledger_ask(&l->ledger, l->destination, &query, &r, err)) {
        return err_wrap(err, "reading the ledger");
    }
    if (pg_rows_count(r) != 1) {
        return err_set(err, ERR_DATA, "the ledger does not know job \"%s\"", l->result->job);
    }
    (void)snprintf(mark, LOAD_PLAN_MARK_MAX, "%s/%s", pg_text(r, 0, 0), pg_text(r, 0, 1));
    return true;
}

bool load_spill_open(struct load *l, struct err *err)
{
    const struct spec *s = l->spec;
    unsigned char key[SPILL_KEY_BYTES];
    if (s->spill_dir == NULL || l->spill != NULL) {
        return true;
    }
    load_spill_name(l);
    l->spill_room = pipeline_batch_room(s->memory_bytes, s->jobs, s->jobs);
    struct spill_options options = {.dir = s->spill_dir,
                                    .name = l->spill_name,
                                    .batch_room = l->spill_room,
                                    .keep = s->release_early,
                                    .key = key};
    bool ok = limit_of(s, &options.limit_bytes, err) && get_key(l, key, err) &&
              spill_open(&options, &l->spill, err);
    secret_wipe(key, sizeof key);
    return ok;
}

void load_spill_close(struct load *l, bool done)
{
    if (l->spill != NULL) {
        spill_close(l->spill, !done && (l->released || l->from_spill));
        l->spill = NULL;
    }
}

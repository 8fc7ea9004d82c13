/* Going on from what an earlier run of the same command has on disk: it had given its source back,
 * so there is no other way. */
#include "base/cleanup.h"
#include "base/secret.h"
#include "base/str.h"
#include "job/load_internal.h"
#include "job/spill_key.h"
#include "job/waybill.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAMES_BYTES_MAX (1u << 20)
#define HEAD_BYTES_MAX  (64u << 20)

bool load_may_have_spilled(const struct spec *spec)
{
    struct buf names;
    struct err ignored;
    if (spec->spill_dir == NULL || spec->restart || spec->dry_run) {
        return false;
    }
    buf_init(&names, NAMES_BYTES_MAX);
    bool any = spill_list(spec->spill_dir, &names, &ignored) && names.len > 0;
    buf_free(&names);
    return any;
}

/* ---- which manifest ---- */

static bool read_head(const char *dir, const char *name, struct waybill_head *head, bool *found,
                      struct err *err)
{
    struct buf text;
    buf_init(&text, HEAD_BYTES_MAX);
    bool ok = spill_read_head(dir, name, found, &text, err) &&
              (!*found || waybill_read_head(&text, head, err));
    buf_free(&text);
    return ok;
}

/* Is it this command's? One that cannot be read is passed over, but not in silence. */
static bool is_ours(struct load *l, const char *name, const char *command, struct waybill_head *out)
{
    struct waybill_head head = {.room = 0};
    struct err err;
    bool found = false;
    if (!read_head(l->spec->spill_dir, name, &head, &found, &err)) {
        load_note(l, "passed over: %s", err.msg);
        return false;
    }
    if (found && strcmp(head.command, command) == 0) {
        *out = head;
        return true;
    }
    waybill_head_free(&head);
    return false;
}

/* ---- taking it up ---- */

static bool get_key(struct load *l, const struct waybill_head *head,
                    unsigned char key[SPILL_KEY_BYTES], struct err *err)
{
    if (head->wrapped_key[0] != '\0') {
        if (l->spec->spill_kms_key == NULL) {
            return err_set(err, ERR_USAGE,
                           "the spilled rows of job \"%s\" are under a KMS key: give"
                           " --spill-kms-key as before",
                           head->job);
        }
        return auth_open_data_key(l->auth, head->wrapped_key, head->job, key, err);
    }
    if (l->spec->spill_key_file == NULL) {
        return err_set(err, ERR_USAGE,
                       "the spilled rows of job \"%s\" are under a key file: give"
                       " --spill-key-file as before",
                       head->job);
    }
    return spill_key_from_file(l->spec->spill_key_file, l->spec->spill_dir, false, key, err);
}

static bool reopen(struct load *l, const struct waybill_head *head, const char *name,
                   struct err *err)
{
    unsigned char key[SPILL_KEY_BYTES];
    (void)snprintf(l->spill_name, sizeof l->spill_name, "%s", name);
    l->spill_room = head->room;
    struct spill_options options = {.dir = l->spec->spill_dir,
                                    .name = l->spill_name,
                                    .limit_bytes = UINT64_MAX, /* nothing more is written */
                                    .batch_room = l->spill_room,
                                    .keep = true,
                                    .key = key};
    buf_init(&l->manifest, (size_t)4 << 30);
    bool ok = get_key(l, head, key, err) && spill_reopen(&options, &l->spill, &l->manifest, err);
    secret_wipe(key, sizeof key);
    return ok;
}

static void adopt_names(struct load *l, const struct waybill_head *head)
{
    struct server_identity *s = &l->source_identity;
    (void)snprintf(l->result->job, sizeof l->result->job, "%s", head->job);
    (void)snprintf(l->result->source, sizeof l->result->source, "%s", head->source);
    (void)snprintf(s->system, sizeof s->system, "%s", head->source_system);
    (void)snprintf(s->database, sizeof s->database, "%s", head->source_database);
    load_name_job(l);
}

static bool read_plan(struct load *l, struct err *err)
{
    int holder = 0;
    struct load_result *r = l->result;
    if (!ledger_read_plan(&l->ledger, l->destination, &r->plan, err) ||
        !ledger_read_snapshots(&l->ledger, l->destination, &r->snapshots, &r->snapshot_count,
                               &holder, err)) {
        return false;
    }
    r->planned = true;
    l->recorded = true;
    l->triggers_disabled = identity_triggers_disabled(l->record.spec);
    r->order.disable = l->triggers_disabled;
    return snapshot_identity_copy(&r->snapshots[r->snapshot_count - 1], &l->snapshot, err);
}

static bool take_up(struct load *l, const struct waybill_head *head, const char *name,
                    struct err *err)
{
    if (!l->spec->release_early) {
        return err_set(err, ERR_USAGE,
                       "job \"%s\" has given its source back, the rest of its rows is in %s: add"
                       " --release-source early and the key's option as before, or --restart to"
                       " begin anew",
                       head->job, l->spec->spill_dir);
    }
    if (!read_plan(l, err) || !reopen(l, head, name, err)) {
        return false;
    }
    load_note(l,
              "resuming job \"%s\" from %s: its source was given back, the rest of its rows is"
              " there",
              head->job, l->spec->spill_dir);
    l->from_spill = true;
    l->result->from_spill = true;
    l->sequences_done = true;
    load_event(l, "resumed from spill", "");
    return true;
}

/* The ledger has the last word: rows of a job that it does not know, or of another plan of it, are
 * of no use. */
static bool look_in_ledger(struct load *l, const struct waybill_head *head, bool *wanted,
                           struct err *err)
{
    char plan[LOAD_PLAN_MARK_MAX];
    bool there = false;
    *wanted = false;
    if (!ledger_exists(&l->ledger, l->destination, &there, err) || !there) {
        return there || err->kind == ERR_NONE;
    }
    if (!load_take_lease(l, err) || !load_read_record(l, err)) {
        return false;
    }
    if (l->record.state == JOB_NONE) {
        return true;
    }
    if (!load_plan_mark(l, plan, err)) {
        return false;
    }
    *wanted = strcmp(plan, head->plan) == 0;
    return true;
}

static void forget(struct load *l, const char *name)
{
    struct err ignored;
    if (l->leased) {
        bool released = lease_release(&l->ledger, l->destination, l->token, &ignored);
        (void)released; /* the end of the session releases it as well */
    }
    l->leased = false;
    pg_close(l->destination);
    l->destination = NULL;
    job_record_free(&l->record);
    l->record = (struct job_record){.truncate_done = true};
    ledger_fini(&l->ledger);
    spill_remove(l->spec->spill_dir, name);
}

static bool find(struct load *l, const struct waybill_head *head, const char *name, bool *found,
                 struct err *err)
{
    bool wanted = false;
    *err = (struct err){.kind = ERR_NONE};
    if (!load_connect_destination(l, head->encoding, err)) {
        return false;
    }
    if (l->result->findings.blockers > 0) {
        return err_set(err, ERR_USAGE, "not enough free connections on the destination");
    }
    if (strcmp(head->destination_system, l->destination_identity.system) != 0 ||
        strcmp(head->destination_database, l->destination_identity.database) != 0) {
        pg_close(l->destination); /* rows for another destination: they are not ours to judge */
        l->destination = NULL;
        return true;
    }
    adopt_names(l, head);
    l->connected = true;
    if (!look_in_ledger(l, head, &wanted, err)) {
        return false;
    }
    if (!wanted) {
        forget(l, name);
        return true;
    }
    if (l->record.state == JOB_FINISHED) { /* killed before it could remove them */
        *found = true;
        return true;
    }
    *found = take_up(l, head, name, err);
    return *found;
}

static bool find_among(struct load *l, const struct buf *names, const char *command, bool *found,
                       struct err *err)
{
    bool ok = true;
    for (size_t at = 0; ok && !*found && at < names->len; at += strlen(buf_str(names) + at) + 1) {
        const char *name = buf_str(names) + at;
        struct waybill_head head = {.room = 0};
        if (is_ours(l, name, command, &head)) {
            ok = find(l, &head, name, found, err);
        }
        waybill_head_free(&head);
    }
    return ok;
}

bool load_find_spilled(struct load *l, bool *found, struct err *err)
{
    struct buf names;
    struct buf command;
    buf_init(&names, NAMES_BYTES_MAX);
    buf_init(&command, BUF_SQL_MAX);
    *found = false;
    bool ok = spill_list(l->spec->spill_dir, &names, err) &&
              load_command_text(l->spec, &command, err) &&
              find_among(l, &names, buf_str(&command), found, err);
    buf_free(&names);
    buf_free(&command);
    return ok;
}

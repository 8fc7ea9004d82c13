#include "flow/spill.h"

#include "base/cleanup.h"
#include "base/secret.h"
#include "base/str.h"
#include "flow/spill_state.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

_Static_assert(SPILL_KEY_BYTES == CRYPT_KEY_BYTES, "the run's key is one of the cipher");

static bool busy(const struct place *p, struct err *err)
{
    return err_set(err, ERR_BUSY, "another process has the spilled rows %s/%s%s open", p->dir,
                   p->name, PLACE_DATA);
}

static bool no_memory(struct err *err)
{
    return err_set(err, ERR_SYSTEM, "out of memory for spilling rows");
}

/* Its place is not open yet. */
static struct spill *new_spill(const struct spill_options *options)
{
    struct spill *s = calloc(1, sizeof *s);
    if (s == NULL) {
        return NULL;
    }
    mutex_init(&s->lock);
    mutex_init(&s->manifest_lock);
    s->place.fd = -1;
    s->fd = -1;
    s->slot_bytes = spill_slot_bytes(options->batch_room);
    s->slots_max = options->limit_bytes / s->slot_bytes;
    s->limit_bytes = options->limit_bytes;
    s->file.batch_room = options->batch_room;
    memcpy(s->key, options->key, sizeof s->key);
    s->dir = str_copy(options->dir);
    return s;
}

static void free_spill(struct spill *s)
{
    if (s == NULL) {
        return;
    }
    if (s->session_keys != NULL) {
        secret_wipe(s->session_keys, s->file.sessions * sizeof *s->session_keys);
    }
    secret_wipe(s->key, sizeof s->key);
    if (s->fd >= 0) {
        (void)close(s->fd);
    }
    place_close(&s->place);
    slots_free(&s->slots);
    mutex_destroy(&s->lock);
    mutex_destroy(&s->manifest_lock);
    free(s->session_keys);
    free(s->dir);
    free(s);
}

static void free_spill_at(struct spill **s)
{
    free_spill(*s);
}

static bool start(const struct spill_options *options, struct spill **out, struct err *err)
{
    assert(options->batch_room > 0 && options->key != NULL);
    struct spill *s = new_spill(options);
    *out = s;
    if (s == NULL || s->dir == NULL) {
        return no_memory(err);
    }
    if (!place_open(s->dir, options->name, true, &s->place, err)) {
        return false;
    }
    memcpy(s->name, options->name, strlen(options->name) + 1); /* its length was checked */
    s->place.name = s->name;
    return true;
}

/* One more session, for this process; and the keys of all. */
static bool add_session(struct spill *s, struct err *err)
{
    struct manifest_file *f = &s->file;
    if (f->sessions == MANIFEST_SESSIONS_MAX) {
        return err_set(err, ERR_SYSTEM, "the spilled rows %s/%s%s were taken up %u times; no more",
                       s->dir, s->name, PLACE_DATA, f->sessions);
    }
    s->session_keys = calloc(f->sessions + 1u, sizeof *s->session_keys);
    if (s->session_keys == NULL) {
        return no_memory(err);
    }
    if (!crypt_random(f->salts[f->sessions], CRYPT_SALT_BYTES, err)) {
        return false;
    }
    s->nonce_last = (uint64_t)f->sessions << SESSION_SHIFT;
    f->sessions++;
    for (unsigned i = 0; i < f->sessions; i++) {
        if (!crypt_derive(s->key, f->salts[i], "sluice spill slots 1", s->session_keys[i], err)) {
            return false;
        }
    }
    return true;
}

/* The manifest first: one without its file is only a file to remove. */
static bool unlink_all(const struct place *p)
{
    return place_unlink(p, PLACE_MANIFEST) && place_unlink(p, PLACE_MANIFEST_NEW) &&
           place_unlink(p, PLACE_DATA);
}

/* What a former process left, unless it is at work. */
static bool remove_old(const struct place *p, struct err *err)
{
    int fd = -1;
    enum place_status status = place_open_data(p, &fd);
    if (status == PLACE_BUSY) {
        return busy(p, err);
    }
    if (status == PLACE_FAILED) {
        return place_failed(p, "open", PLACE_DATA, err);
    }
    bool ok = unlink_all(p) || place_failed(p, "remove", PLACE_DATA, err);
    if (fd >= 0) {
        (void)close(fd);
    }
    return ok;
}

static bool make_named(struct spill *s, struct err *err)
{
    s->fd = place_create(&s->place, PLACE_DATA);
    if (s->fd < 0) {
        return errno == EEXIST ? busy(&s->place, err)
                               : place_failed(&s->place, "make", PLACE_DATA, err);
    }
    enum place_status status = place_lock_data(&s->place, s->fd);
    if (status == PLACE_BUSY) {
        return busy(&s->place, err);
    }
    return status == PLACE_OPEN || place_failed(&s->place, "lock", PLACE_DATA, err);
}

/* Where the file system cannot make a file without a name, it has one for a moment. */
static bool make_unnamed(struct spill *s, struct err *err)
{
    s->fd = place_create_unnamed(&s->place);
    if (s->fd >= 0) {
        return true;
    }
    if (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL && errno != ENOENT) {
        return place_failed(&s->place, "make", PLACE_DATA, err);
    }
    return make_named(s, err) && (place_unlink(&s->place, PLACE_DATA) ||
                                  place_failed(&s->place, "remove", PLACE_DATA, err));
}

bool spill_open(const struct spill_options *options, struct spill **out, struct err *err)
{
    CLEANUP(free_spill_at) struct spill *s = NULL;

    if (!start(options, &s, err) || !add_session(s, err) || !remove_old(&s->place, err)) {
        return false;
    }
    if (!(options->keep ? make_named(s, err) : make_unnamed(s, err))) {
        return false;
    }
    s->keep = options->keep;
    *out = s;
    s = NULL;
    return true;
}

static bool open_kept(struct spill *s, struct err *err)
{
    switch (place_open_data(&s->place, &s->fd)) {
    case PLACE_OPEN:
        return true;
    case PLACE_BUSY:
        return busy(&s->place, err);
    case PLACE_ABSENT:
        return err_set(err, ERR_USAGE, "there are no spilled rows %s/%s%s", s->dir, s->name,
                       PLACE_DATA);
    case PLACE_FAILED:
    default:
        return place_failed(&s->place, "open", PLACE_DATA, err);
    }
}

/* The file that is there against what the manifest says of it. */
static bool check_file(struct spill *s, size_t batch_room, struct err *err)
{
    struct stat st;
    if (s->file.batch_room != batch_room) {
        return err_set(err, ERR_USAGE,
                       "the spilled rows %s/%s%s are in batches of %llu bytes, not %zu", s->dir,
                       s->name, PLACE_DATA, (unsigned long long)s->file.batch_room, batch_room);
    }
    if (fstat(s->fd, &st) != 0) {
        return place_failed(&s->place, "read", PLACE_DATA, err);
    }
    if ((uint64_t)st.st_size / s->slot_bytes < s->file.slots) {
        return err_set(err, ERR_DATA, "the spilled rows %s/%s%s were cut short", s->dir, s->name,
                       PLACE_DATA);
    }
    return slots_grow(&s->slots, s->file.slots) || no_memory(err);
}

bool spill_reopen(const struct spill_options *options, struct spill **out, struct buf *manifest,
                  struct err *err)
{
    CLEANUP(free_spill_at) struct spill *s = NULL;
    CLEANUP(buf_free) struct buf body;
    buf_init(&body, manifest->max_bytes);

    if (!start(options, &s, err) || !open_kept(s, err) ||
        !manifest_read(&s->place, s->key, &s->file, &body, err)) {
        return false;
    }
    if (!check_file(s, options->batch_room, err) || !add_session(s, err)) {
        return false;
    }
    buf_add(manifest, body.data, body.len);
    if (!buf_ok(manifest, err)) {
        return false;
    }
    s->keep = true;
    *out = s;
    s = NULL;
    return true;
}

void spill_close(struct spill *s, bool keep)
{
    if (s != NULL && s->keep && !keep) {
        (void)unlink_all(&s->place); /* while the lock is still ours */
    }
    free_spill(s);
}

bool spill_write_manifest(struct spill *s, const struct buf *head, const struct buf *body,
                          struct err *err)
{
    assert(s->keep);
    mutex_lock(&s->lock);
    uint64_t slots = s->slots.count;
    mutex_unlock(&s->lock);

    mutex_lock(&s->manifest_lock);
    s->file.slots = slots;
    bool ok = manifest_write(&s->place, s->key, &s->file, head, body, err);
    mutex_unlock(&s->manifest_lock);
    return ok;
}

bool spill_read_head(const char *dir, const char *name, bool *found, struct buf *head,
                     struct err *err)
{
    struct place p;
    if (!place_open(dir, name, false, &p, err)) {
        return false;
    }
    bool ok = manifest_read_head(&p, found, head, err);
    place_close(&p);
    return ok;
}

/* The length of the name before the suffix; 0 when it is not a manifest's. */
static size_t manifest_name(const char *file)
{
    size_t len = strlen(file);
    size_t suffix = strlen(PLACE_MANIFEST);
    if (len <= suffix || strcmp(file + len - suffix, PLACE_MANIFEST) != 0) {
        return 0;
    }
    return place_is_name(file, len - suffix) ? len - suffix : 0;
}

bool spill_list(const char *dir, struct buf *names, struct err *err)
{
    DIR *entries = opendir(dir);
    if (entries == NULL) {
        return err_set_errno(err, "cannot list the directory %s", dir);
    }
    const struct dirent *e = NULL;
    errno = 0;
    while ((e = readdir(entries)) != NULL) { /* NOLINT(concurrency-mt-unsafe): a DIR of our own */
        size_t len = manifest_name(e->d_name);
        if (len > 0) {
            buf_add(names, e->d_name, len);
            buf_add(names, "", 1);
        }
        errno = 0;
    }
    bool ok = errno == 0 || err_set_errno(err, "cannot list the directory %s", dir);
    (void)closedir(entries);
    return ok && buf_ok(names, err);
}

void spill_remove(const char *dir, const char *name)
{
    struct place p;
    struct err ignored;
    if (!place_open(dir, name, true, &p, &ignored)) {
        return;
    }
    (void)!remove_old(&p, &ignored);
    place_close(&p);
}

#include "flow/spill_manifest.h"

#include "base/cleanup.h"
#include "base/secret.h"
#include "flow/batch.h"
#include "flow/little.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define VERSION      1u
#define FIXED_BYTES  80u
#define CHECK_BYTES  16u
#define CHECK_AT     (FIXED_BYTES - CHECK_BYTES)
#define SALT_AT      (CHECK_AT - CRYPT_SALT_BYTES)
#define SUM_BYTES    8u
#define COUNTS_BYTES 12u /* of slots and sessions */
#define SECRET_MAX \
    (COUNTS_BYTES + (uint64_t)MANIFEST_SESSIONS_MAX * CRYPT_SALT_BYTES + MANIFEST_BODY_MAX)
#define ROOM_MAX (16u << 20) /* of a batch */

static const unsigned char magic[8] = {'S', 'L', 'U', 'I', 'C', 'E', 'S', 'P'};

/* A manifest in memory: all that is clear with its checksum, and the secret part with its tag. */
struct image {
    unsigned char *clear;
    size_t clear_len;
    unsigned char *secret;
    size_t secret_len; /* the tag not counted */
};

static void free_image(struct image *i)
{
    free(i->clear);
    free(i->secret);
}

static bool no_memory(struct err *err)
{
    return err_set(err, ERR_SYSTEM, "out of memory for the manifest of spilled rows");
}

static bool damaged(const struct place *p, const char *how, struct err *err)
{
    return err_set(err, ERR_DATA, "the manifest of spilled rows %s/%s%s is damaged: %s", p->dir,
                   p->name, PLACE_MANIFEST, how);
}

static struct crypt_message message_of(const struct image *i)
{
    return (struct crypt_message){i->clear, i->clear_len, i->secret, i->secret_len};
}

static bool allocate(struct image *i, size_t head_len, size_t secret_len, struct err *err)
{
    i->clear_len = FIXED_BYTES + head_len + SUM_BYTES;
    i->secret_len = secret_len;
    i->clear = malloc(i->clear_len);
    i->secret = malloc(secret_len + CRYPT_TAG_BYTES);
    return (i->clear != NULL && i->secret != NULL) || no_memory(err);
}

/* The key of the secret part, and what shows in the clear that it is the right one. */
static bool derive(const unsigned char *key, const unsigned char *salt,
                   unsigned char secret_key[CRYPT_KEY_BYTES], unsigned char check[CRYPT_KEY_BYTES],
                   struct err *err)
{
    return crypt_derive(key, salt, "sluice spill manifest 1", secret_key, err) &&
           crypt_derive(key, salt, "sluice spill key check 1", check, err);
}

static void put_clear(struct image *i, const struct manifest_file *f, const struct buf *head,
                      const unsigned char *salt, const unsigned char *check)
{
    unsigned char *to = i->clear;
    memcpy(to, magic, sizeof magic);
    little_put(to + 8, VERSION, 4);
    little_put(to + 12, head->len, 4);
    little_put(to + 16, i->secret_len, 8);
    little_put(to + 24, f->batch_room, 8);
    memcpy(to + SALT_AT, salt, CRYPT_SALT_BYTES);
    memcpy(to + CHECK_AT, check, CHECK_BYTES);
    if (head->len > 0) {
        memcpy(to + FIXED_BYTES, head->data, head->len);
    }
    little_put(to + i->clear_len - SUM_BYTES, batch_checksum(to, i->clear_len - SUM_BYTES),
               SUM_BYTES);
}

static void put_secret(struct image *i, const struct manifest_file *f, const struct buf *body)
{
    size_t salts_bytes = (size_t)f->sessions * CRYPT_SALT_BYTES;
    little_put(i->secret, f->slots, 8);
    little_put(i->secret + 8, f->sessions, 4);
    memcpy(i->secret + COUNTS_BYTES, f->salts, salts_bytes);
    if (body->len > 0) {
        memcpy(i->secret + COUNTS_BYTES + salts_bytes, body->data, body->len);
    }
}

static bool make_image(struct image *i, const unsigned char *key, const struct manifest_file *f,
                       const struct buf *head, const struct buf *body, struct err *err)
{
    unsigned char salt[CRYPT_SALT_BYTES];
    unsigned char secret_key[CRYPT_KEY_BYTES];
    unsigned char check[CRYPT_KEY_BYTES];
    size_t secret_len = COUNTS_BYTES + (size_t)f->sessions * CRYPT_SALT_BYTES + body->len;

    if (!allocate(i, head->len, secret_len, err) || !crypt_random(salt, sizeof salt, err)) {
        return false;
    }
    if (!derive(key, salt, secret_key, check, err)) {
        return false;
    }
    put_clear(i, f, head, salt, check);
    put_secret(i, f, body);
    struct crypt_message m = message_of(i);
    bool ok = crypt_seal(secret_key, 0, &m, err); /* the key is used this once */
    secret_wipe(secret_key, sizeof secret_key);
    return ok;
}

static bool write_new(const struct place *p, const struct image *i, struct err *err)
{
    if (!place_unlink(p, PLACE_MANIFEST_NEW)) {
        return place_failed(p, "remove", PLACE_MANIFEST_NEW, err);
    }
    int fd = place_create(p, PLACE_MANIFEST_NEW);
    bool ok = fd >= 0 && disk_write(fd, i->clear, i->clear_len, 0) &&
              disk_write(fd, i->secret, i->secret_len + CRYPT_TAG_BYTES, i->clear_len) &&
              fsync(fd) == 0;
    int saved = errno;
    if (fd >= 0 && close(fd) != 0 && ok) {
        ok = false;
        saved = errno;
    }
    errno = saved;
    return ok || place_failed(p, "write", PLACE_MANIFEST_NEW, err);
}

bool manifest_write(const struct place *p, const unsigned char *key, const struct manifest_file *f,
                    const struct buf *head, const struct buf *body, struct err *err)
{
    char from[PLACE_FILE_MAX], to[PLACE_FILE_MAX];
    CLEANUP(free_image) struct image i = {0};

    if (head->len > MANIFEST_HEAD_MAX || body->len > MANIFEST_BODY_MAX) {
        return err_set(err, ERR_SYSTEM, "the manifest of spilled rows is too long: %zu bytes",
                       head->len + body->len);
    }
    if (!make_image(&i, key, f, head, body, err)) {
        return false;
    }
    bool ok = write_new(p, &i, err);
    if (ok && renameat(p->fd, place_file(p, PLACE_MANIFEST_NEW, from), p->fd,
                       place_file(p, PLACE_MANIFEST, to)) != 0) {
        ok = place_failed(p, "rename", PLACE_MANIFEST_NEW, err);
    }
    if (!ok) {
        (void)place_unlink(p, PLACE_MANIFEST_NEW);
        return false;
    }
    if (!place_sync(p, err)) {
        (void)place_unlink(p, PLACE_MANIFEST); /* nobody keeps to what it says */
        return false;
    }
    return true;
}

/* The clear part: every length against the file's own size before memory is asked for. */
static bool read_clear(const struct place *p, int fd, struct image *i, struct err *err)
{
    unsigned char fixed[FIXED_BYTES];
    struct stat st;

    if (fstat(fd, &st) != 0) {
        return place_failed(p, "read", PLACE_MANIFEST, err);
    }
    uint64_t size = (uint64_t)st.st_size;
    if (!S_ISREG(st.st_mode) || size < FIXED_BYTES) {
        return damaged(p, "cut short", err);
    }
    if (!disk_read(fd, fixed, sizeof fixed, 0)) {
        return place_failed(p, "read", PLACE_MANIFEST, err);
    }
    if (memcmp(fixed, magic, sizeof magic) != 0 || little_get(fixed + 8, 4) != VERSION) {
        return damaged(p, "it is not one that this program writes", err);
    }
    uint64_t head_len = little_get(fixed + 12, 4);
    uint64_t secret_len = little_get(fixed + 16, 8);
    uint64_t room = little_get(fixed + 24, 8);
    if (head_len > MANIFEST_HEAD_MAX || secret_len < COUNTS_BYTES || secret_len > SECRET_MAX ||
        room == 0 || room > ROOM_MAX ||
        size != FIXED_BYTES + head_len + SUM_BYTES + secret_len + CRYPT_TAG_BYTES) {
        return damaged(p, "its lengths do not fit", err);
    }

    i->clear_len = (size_t)(FIXED_BYTES + head_len + SUM_BYTES);
    i->secret_len = (size_t)secret_len;
    if ((i->clear = malloc(i->clear_len)) == NULL) {
        return no_memory(err);
    }
    if (!disk_read(fd, i->clear, i->clear_len, 0)) {
        return place_failed(p, "read", PLACE_MANIFEST, err);
    }
    size_t summed = i->clear_len - SUM_BYTES;
    return memcmp(i->clear, fixed, sizeof fixed) == 0 &&
                   batch_checksum(i->clear, summed) == little_get(i->clear + summed, SUM_BYTES)
               ? true
               : damaged(p, "its checksum is wrong", err);
}

static bool read_secret(const struct place *p, int fd, struct image *i, struct err *err)
{
    if ((i->secret = malloc(i->secret_len + CRYPT_TAG_BYTES)) == NULL) {
        return no_memory(err);
    }
    return disk_read(fd, i->secret, i->secret_len + CRYPT_TAG_BYTES, i->clear_len) ||
           place_failed(p, "read", PLACE_MANIFEST, err);
}

/* -1 with errno 0: there is none. */
static int open_manifest(const struct place *p)
{
    char file[PLACE_FILE_MAX];
    int fd = openat(p->fd, place_file(p, PLACE_MANIFEST, file),
                    O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT) {
        errno = 0;
    }
    return fd;
}

/* The manifest, as far as it is clear; with_secret: and the rest. *found as manifest_read_head. */
static bool read_image(const struct place *p, bool with_secret, bool *found, struct image *i,
                       struct err *err)
{
    int fd = open_manifest(p);
    if (fd < 0) {
        *found = false;
        return errno == 0 || place_failed(p, "open", PLACE_MANIFEST, err);
    }
    bool ok = read_clear(p, fd, i, err) && (!with_secret || read_secret(p, fd, i, err));
    (void)close(fd);
    *found = true;
    return ok;
}

bool manifest_read_head(const struct place *p, bool *found, struct buf *head, struct err *err)
{
    CLEANUP(free_image) struct image i = {0};
    bool there = false;

    if (!read_image(p, false, &there, &i, err)) {
        return false;
    }
    if (there) {
        buf_add(head, i.clear + FIXED_BYTES, i.clear_len - FIXED_BYTES - SUM_BYTES);
        if (!buf_ok(head, err)) {
            return false;
        }
    }
    *found = there;
    return true;
}

static bool decrypt(const struct place *p, const unsigned char *key, struct image *i,
                    struct err *err)
{
    unsigned char secret_key[CRYPT_KEY_BYTES];
    unsigned char check[CRYPT_KEY_BYTES];
    struct crypt_message m = message_of(i);

    if (!derive(key, i->clear + SALT_AT, secret_key, check, err)) {
        return false;
    }
    bool ok = crypt_equal(check, i->clear + CHECK_AT, CHECK_BYTES);
    if (!ok) {
        (void)err_set(err, ERR_USAGE, "the spilled rows %s/%s%s were written with another key",
                      p->dir, p->name, PLACE_DATA);
    } else if (!crypt_open(secret_key, 0, &m, err)) {
        ok = err->kind == ERR_DATA ? damaged(p, "its secret part was changed", err) : false;
    }
    secret_wipe(secret_key, sizeof secret_key);
    return ok;
}

static bool get_secret(const struct place *p, const struct image *i, struct manifest_file *f,
                       struct buf *body, struct err *err)
{
    uint64_t sessions = little_get(i->secret + 8, 4);
    if (sessions == 0 || sessions > MANIFEST_SESSIONS_MAX ||
        sessions * CRYPT_SALT_BYTES > i->secret_len - COUNTS_BYTES) {
        return damaged(p, "its sessions do not fit", err);
    }
    size_t salts_bytes = (size_t)sessions * CRYPT_SALT_BYTES;
    size_t body_at = COUNTS_BYTES + salts_bytes;
    buf_add(body, i->secret + body_at, i->secret_len - body_at);
    if (!buf_ok(body, err)) {
        return false;
    }
    f->batch_room = little_get(i->clear + 24, 8);
    f->slots = little_get(i->secret, 8);
    f->sessions = (unsigned)sessions;
    memcpy(f->salts, i->secret + COUNTS_BYTES, salts_bytes);
    return true;
}

bool manifest_read(const struct place *p, const unsigned char *key, struct manifest_file *f,
                   struct buf *body, struct err *err)
{
    CLEANUP(free_image) struct image i = {0};
    bool found = false;

    if (!read_image(p, true, &found, &i, err)) {
        return false;
    }
    if (!found) {
        return err_set(err, ERR_USAGE, "there are no spilled rows %s/%s%s", p->dir, p->name,
                       PLACE_MANIFEST);
    }
    return decrypt(p, key, &i, err) && get_secret(p, &i, f, body, err);
}

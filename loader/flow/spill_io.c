/* The slots of a spill: taking, writing, reading and giving them back. */
#include "flow/spill_state.h"

#include "flow/little.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

/* Space is asked for in steps: a call for each slot costs, and scatters a file that shares its disk
 * with others. */
#define GROW_SLOTS  64u
#define CLEAR_BYTES 48u /* of a slot: number, nonce, content */

uint64_t spill_slot_bytes(size_t batch_room)
{
    uint64_t bytes = (uint64_t)batch_room + BATCH_SLACK_BYTES;
    return (bytes + DISK_PAGE_BYTES - 1) / DISK_PAGE_BYTES * DISK_PAGE_BYTES;
}

bool spill_break(struct spill *s, struct err *err)
{
    int error = errno;
    mutex_lock(&s->lock);
    s->broken = s->broken == 0 ? error : s->broken;
    mutex_unlock(&s->lock);
    errno = error;
    return place_failed(&s->place, "write", PLACE_DATA, err);
}

static void put_clear(unsigned char out[CLEAR_BYTES], const struct spill_slot *slot)
{
    little_put(out, slot->number, 8);
    little_put(out + 8, slot->nonce, 8);
    little_put(out + 16, slot->content.rows, 8);
    little_put(out + 24, slot->content.raw_bytes, 8);
    little_put(out + 32, slot->content.checksum, 8);
    little_put(out + 40, slot->content.bytes, 4);
    little_put(out + 44, slot->content.frames, 4);
}

static const unsigned char *key_of(const struct spill *s, uint64_t nonce)
{
    return s->session_keys[nonce >> SESSION_SHIFT];
}

static uint64_t less(uint64_t step)
{
    return step > 8 ? step / 8 : step > 1;
}

/* Not past slots_max; less at once where a whole step is too much. */
static bool grow_locked(struct spill *s) REQUIRES(s->lock)
{
    uint64_t most = s->slots_max - s->slots.count; /* all are taken, and fewer than slots_max */
    for (uint64_t step = most < GROW_SLOTS ? most : GROW_SLOTS; step > 0; step = less(step)) {
        if (disk_reserve(s->fd, s->slots.count * s->slot_bytes, step * s->slot_bytes) ||
            errno == EOPNOTSUPP || errno == ENOSYS) {
            errno = ENOMEM; /* should the next call fail */
            return slots_grow(&s->slots, s->slots.count + step);
        }
        if (!disk_no_space(errno)) {
            return false;
        }
    }
    return false;
}

/* Whether errno says that the disk is full, with so many slots of ours on it. */
static bool full_locked(struct spill *s, uint64_t slots) REQUIRES(s->lock)
{
    if (!disk_no_space(errno)) {
        return false;
    }
    s->full = true;
    s->full_bytes = slots * s->slot_bytes;
    return true;
}

/* The lowest free slot, or a new one, with a nonce. FAILED leaves errno. */
static enum spill_status take_locked(struct spill *s, struct spill_slot *out) REQUIRES(s->lock)
{
    if (s->broken != 0) {
        errno = s->broken;
        return SPILL_FAILED;
    }
    if (s->slots.taken >= s->slots_max) {
        return SPILL_FULL;
    }
    if (s->slots.taken == s->slots.count) {
        if (!grow_locked(s)) {
            return full_locked(s, s->slots.count) ? SPILL_FULL : SPILL_FAILED;
        }
        s->full = false;
    }
    bool taken = slots_take(&s->slots, &out->number);
    assert(taken);
    (void)taken;
    out->nonce = ++s->nonce_last;
    assert(out->nonce >> SESSION_SHIFT == s->file.sessions - 1);
    s->taken_max = s->slots.taken > s->taken_max ? s->slots.taken : s->taken_max;
    return SPILL_WRITTEN;
}

static enum spill_status take(struct spill *s, struct spill_slot *out, struct err *err)
{
    mutex_lock(&s->lock);
    enum spill_status status = take_locked(s, out);
    int saved = errno;
    mutex_unlock(&s->lock);
    errno = saved;
    if (status == SPILL_FAILED) {
        (void)place_failed(&s->place, "write", PLACE_DATA, err);
    }
    return status;
}

/* Puts the range into the window, and what was there longest out of it, onto the disk. */
static bool push(struct spill *s, struct range written)
{
    mutex_lock(&s->lock);
    struct range oldest = s->window[s->window_at];
    s->window[s->window_at] = written;
    s->window_at = (s->window_at + 1) % WINDOW_SLOTS;
    s->bytes_written += written.len;
    s->full = s->full && s->slots.taken * s->slot_bytes <= s->full_bytes;
    mutex_unlock(&s->lock);

    return disk_push(s->fd, written.at, written.len) &&
           (oldest.len == 0 || disk_settle(s->fd, oldest.at, oldest.len));
}

static enum spill_status write_failed(struct spill *s, struct err *err)
{
    (void)place_failed(&s->place, "write", PLACE_DATA, err);
    return SPILL_FAILED;
}

/* WRITTEN, FULL where space could not be had in advance and there is none, or FAILED. */
static enum spill_status put_on_disk(struct spill *s, const struct batch *b, uint64_t number,
                                     struct err *err)
{
    size_t len = b->content.bytes + CRYPT_TAG_BYTES;
    size_t padded = (len + DISK_PAGE_BYTES - 1) / DISK_PAGE_BYTES * DISK_PAGE_BYTES;
    uint64_t at = number * s->slot_bytes;

    if (!disk_write_padded(s->fd, b->bytes, len, padded, at)) {
        mutex_lock(&s->lock);
        bool full = full_locked(s, s->slots.taken - 1);
        mutex_unlock(&s->lock);
        return full ? SPILL_FULL : write_failed(s, err);
    }
    if (!push(s, (struct range){at, padded})) {
        (void)!spill_break(s, err);
        return SPILL_FAILED;
    }
    return SPILL_WRITTEN;
}

enum spill_status spill_write(struct spill *s, struct batch *b, struct spill_slot *out,
                              struct err *err)
{
    unsigned char clear[CLEAR_BYTES];
    struct spill_slot slot = {.content = b->content};
    struct crypt_message m = {clear, sizeof clear, b->bytes, b->content.bytes};
    assert(b->state == BATCH_PACKING);
    assert(b->content.bytes + CRYPT_TAG_BYTES <= b->room + BATCH_SLACK_BYTES &&
           b->room <= s->file.batch_room);

    enum spill_status status = take(s, &slot, err);
    if (status != SPILL_WRITTEN) {
        return status;
    }
    put_clear(clear, &slot);
    status = SPILL_FAILED;
    if (crypt_seal(key_of(s, slot.nonce), slot.nonce, &m, err)) {
        status = put_on_disk(s, b, slot.number, err);
        struct err undone = {0};
        if (status != SPILL_WRITTEN &&
            !crypt_open(key_of(s, slot.nonce), slot.nonce, &m, &undone)) {
            *err = undone;
            status = SPILL_FAILED;
        }
    }
    if (status != SPILL_WRITTEN) {
        spill_free_slot(s, &slot);
        return status;
    }
    *out = slot;
    return SPILL_WRITTEN;
}

static bool damaged(const struct spill *s, uint64_t number, const char *how, struct err *err)
{
    return err_set(err, ERR_DATA, "the spilled rows %s/%s%s are damaged: slot %" PRIu64 " %s",
                   s->dir, s->name, PLACE_DATA, number, how);
}

/* Values that this spill can have given out itself, or a former process. */
static bool is_sane(const struct spill *s, const struct spill_slot *slot)
{
    return slot->nonce >> SESSION_SHIFT < s->file.sessions &&
           slot->number <= (uint64_t)INT64_MAX / s->slot_bytes - 1 &&
           slot->content.bytes <= s->file.batch_room + BATCH_SLACK_BYTES - CRYPT_TAG_BYTES;
}

bool spill_claim(struct spill *s, const struct spill_slot *slot, struct err *err)
{
    if (!is_sane(s, slot)) {
        return damaged(s, slot->number, "cannot be", err);
    }
    mutex_lock(&s->lock);
    bool ok = slots_claim(&s->slots, slot->number);
    s->taken_max = s->slots.taken > s->taken_max ? s->slots.taken : s->taken_max;
    mutex_unlock(&s->lock);
    return ok || damaged(s, slot->number, "is claimed twice, or behind the end", err);
}

bool spill_read(struct spill *s, const struct spill_slot *slot, struct batch *into, struct err *err)
{
    unsigned char clear[CLEAR_BYTES];
    struct crypt_message m = {clear, sizeof clear, into->bytes, slot->content.bytes};
    uint64_t at = slot->number * s->slot_bytes;
    size_t len = (size_t)slot->content.bytes + CRYPT_TAG_BYTES;
    assert(into->state == BATCH_FILLING && into->content.bytes == 0);

    if (!is_sane(s, slot) || len > into->room + BATCH_SLACK_BYTES) {
        return damaged(s, slot->number, "cannot be", err);
    }
    if (!disk_read(s->fd, into->bytes, len, at)) {
        if (errno == ENODATA) {
            return damaged(s, slot->number, "is cut short", err);
        }
        return place_failed(&s->place, "read", PLACE_DATA, err);
    }
    put_clear(clear, slot);
    struct err why;
    if (!crypt_open(key_of(s, slot->nonce), slot->nonce, &m, &why)) {
        return why.kind == ERR_DATA ? damaged(s, slot->number, "is not what was written", err)
                                    : err_set(err, why.kind, "%s", why.msg);
    }
    disk_drop(s->fd, at, s->slot_bytes);
    mutex_lock(&s->lock);
    s->bytes_read += len;
    mutex_unlock(&s->lock);
    into->content = slot->content;
    batch_move(into, BATCH_SEALED);
    return true;
}

void spill_free_slot(struct spill *s, const struct spill_slot *slot)
{
    mutex_lock(&s->lock);
    slots_give(&s->slots, slot->number);
    mutex_unlock(&s->lock);
}

/* After a failed sync the kernel counts the pages as clean: a second sync would say that all is
 * well. So the first failure is remembered. */
bool spill_sync(struct spill *s, struct err *err)
{
    mutex_lock(&s->lock);
    int broken = s->broken;
    mutex_unlock(&s->lock);

    if (broken != 0) {
        errno = broken;
        return place_failed(&s->place, "write", PLACE_DATA, err);
    }
    if (fsync(s->fd) != 0) {
        return spill_break(s, err);
    }
    return !s->keep || place_sync(&s->place, err);
}

struct spill_stats spill_stats(struct spill *s)
{
    mutex_lock(&s->lock);
    struct spill_stats stats = {
        .bytes_written = s->bytes_written,
        .bytes_read = s->bytes_read,
        .bytes_used = s->slots.taken * s->slot_bytes,
        .bytes_used_max = s->taken_max * s->slot_bytes,
        .bytes_limit = s->full && s->full_bytes < s->limit_bytes ? s->full_bytes : s->limit_bytes,
    };
    mutex_unlock(&s->lock);
    return stats;
}

#include "flow/unload.h"

#include "base/clock.h"

void unload_init(struct unload *u, struct depot *depot, struct spill *spill)
{
    *u = (struct unload){.depot = depot, .spill = spill};
}

void unload_fini(struct unload *u)
{
    codec_free(u->codec);
    u->codec = NULL;
}

static struct batch *take(struct unload *u, struct err *err)
{
    struct batch *b = depot_take_for_writer(u->depot);
    if (b == NULL) {
        (void)err_set(err, ERR_CANCELLED, "stopped, or out of memory while unpacking");
    }
    return b;
}

static bool read_slot(struct unload *u, struct err *err)
{
    u->disk = take(u, err);
    if (u->disk == NULL) {
        return false;
    }
    uint64_t began_ns = clock_mono_ns();
    bool ok = spill_read(u->spill, &u->piece.slot, u->disk, err);
    u->read_ns += clock_mono_ns() - began_ns;
    u->packed = u->disk;
    return ok;
}

bool unload_open(struct unload *u, const struct piece *piece, struct err *err)
{
    u->piece = *piece;
    u->packed = piece->batch;
    u->at = 0;
    u->given = false;
    if (piece->kind == PIECE_SPILLED && !read_slot(u, err)) {
        return false;
    }
    if (u->packed->content.frames > 0 && u->codec == NULL) {
        u->codec = codec_new();
        if (u->codec == NULL) {
            return err_set(err, ERR_SYSTEM, "out of memory");
        }
    }
    /* Frames have checksums of their own, and what comes from disk was authenticated. */
    return u->packed->content.frames > 0 || batch_verify(u->packed, err);
}

static bool unpack(struct unload *u, struct err *err)
{
    if (u->rows != NULL) {
        depot_give(u->depot, u->rows);
    }
    u->rows = take(u, err);
    if (u->rows == NULL) {
        return false;
    }
    uint64_t began_ns = clock_mono_ns();
    bool ok = codec_unpack(u->codec, u->packed, &u->at, u->rows, err);
    u->unpack_ns += clock_mono_ns() - began_ns;
    return ok;
}

bool unload_next(struct unload *u, const struct batch **rows, struct err *err)
{
    if (u->packed->content.frames == 0) {
        *rows = u->given ? NULL : u->packed;
        u->given = true;
        return true;
    }
    if (u->at >= u->packed->content.bytes) {
        *rows = NULL;
        return true;
    }
    if (!unpack(u, err)) {
        return false;
    }
    *rows = u->rows;
    return true;
}

void unload_close(struct unload *u)
{
    if (u->rows != NULL) {
        depot_give(u->depot, u->rows);
    }
    if (u->disk != NULL) {
        depot_give(u->depot, u->disk);
    }
    u->rows = NULL;
    u->disk = NULL;
    u->packed = NULL;
}

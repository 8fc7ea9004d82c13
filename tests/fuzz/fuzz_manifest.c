/*
 * fuzz_manifest: for any bytes as a manifest, its head and its body are either read or refused as
 * damaged, with nothing given out. The first byte of the input says how far the rest is helped:
 * not at all; by the right checksum; or it becomes the secret part of a manifest that is right
 * otherwise, which is how lies behind the encryption are reached.
 */
#include "flow/batch.h"
#include "flow/little.h"
#include "flow/spill.h"
#include "flow/spill_crypt.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROOM        8000u
#define FIXED_BYTES 80u
#define SUM_BYTES   8u
#define IMAGE_MAX   65536u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const unsigned char key[SPILL_KEY_BYTES] = "0123456789abcdef0123456789abcde";

static void require(int ok)
{
    if (!ok) {
        abort();
    }
}

static void put_sum(unsigned char *image, size_t clear_len)
{
    little_put(image + clear_len - SUM_BYTES, batch_checksum(image, clear_len - SUM_BYTES),
               SUM_BYTES);
}

/* Where the image's own length of the head says that the checksum is. */
static void mend_sum(unsigned char *image, size_t len)
{
    if (len >= FIXED_BYTES + SUM_BYTES) {
        uint64_t clear_len = FIXED_BYTES + little_get(image + 12, 4) + SUM_BYTES;
        if (clear_len <= len) {
            put_sum(image, (size_t)clear_len);
        }
    }
}

/* A right manifest around any secret part. Returns its length. */
static size_t wrap(unsigned char *image, const uint8_t *secret, size_t len)
{
    unsigned char secret_key[CRYPT_KEY_BYTES];
    unsigned char check[CRYPT_KEY_BYTES];
    size_t clear_len = FIXED_BYTES + SUM_BYTES;
    struct err err;

    memset(image, 0, clear_len);
    memcpy(image, "SLUICESP\1", 10); /* and zeros behind the version */
    little_put(image + 16, len, 8);
    little_put(image + 24, ROOM, 8);
    require(crypt_derive(key, image + 32, "sluice spill manifest 1", secret_key, &err));
    require(crypt_derive(key, image + 32, "sluice spill key check 1", check, &err));
    memcpy(image + 64, check, 16);
    put_sum(image, clear_len);
    if (len > 0) {
        memcpy(image + clear_len, secret, len);
    }
    struct crypt_message m = {image, clear_len, image + clear_len, len};
    require(crypt_seal(secret_key, 0, &m, &err));
    return clear_len + len + CRYPT_TAG_BYTES;
}

static void read_head(const char *dir)
{
    struct err err = {0};
    struct buf head;
    bool found = false;
    buf_init(&head, 1u << 21);
    if (spill_read_head(dir, "fuzz", &found, &head, &err)) {
        require(found && err.kind == ERR_NONE && head.len <= IMAGE_MAX);
    } else {
        require(err.kind == ERR_DATA && !found && head.len == 0);
    }
    buf_free(&head);
}

/* Slots that the body would be, if it were one. */
static void claim_all(struct spill *s, const struct buf *body)
{
    struct batch *b = batch_new(ROOM);
    require(b != NULL);
    for (size_t at = 0; at + sizeof(struct spill_slot) <= body->len;
         at += sizeof(struct spill_slot)) {
        struct spill_slot slot;
        struct err err;
        memcpy(&slot, body->data + at, sizeof slot);
        if (spill_claim(s, &slot, &err)) {
            batch_move(b, BATCH_FILLING);
            require(!spill_read(s, &slot, b, &err) && err.kind == ERR_DATA);
            batch_move(b, BATCH_EMPTY);
        }
    }
    batch_free(b);
}

static void read_body(const char *dir)
{
    const struct spill_options options = {.dir = dir,
                                          .name = "fuzz",
                                          .limit_bytes = 1u << 20,
                                          .batch_room = ROOM,
                                          .keep = true,
                                          .key = key};
    struct err err = {0};
    struct spill *s = NULL;
    struct buf body;
    buf_init(&body, 1u << 21);
    if (spill_reopen(&options, &s, &body, &err)) {
        require(err.kind == ERR_NONE && s != NULL && body.len <= IMAGE_MAX);
        claim_all(s, &body);
    } else {
        require(s == NULL && body.len == 0 && err.kind != ERR_NONE && err.kind != ERR_BUSY);
    }
    spill_close(s, true);
    buf_free(&body);
}

static void write_file(int dir, const char *name, const void *bytes, size_t len, off_t size)
{
    int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    require(fd >= 0 && write(fd, bytes, len) == (ssize_t)len && ftruncate(fd, size) == 0);
    require(close(fd) == 0);
}

static size_t make_image(const uint8_t *data, size_t size, unsigned char *image)
{
    unsigned help = size > 0 ? data[0] % 3u : 0;
    size_t len = size > 1 ? size - 1 : 0;
    len = len < IMAGE_MAX / 2 ? len : IMAGE_MAX / 2;
    if (help == 2) {
        return wrap(image, data + 1, len);
    }
    if (len > 0) {
        memcpy(image, data + 1, len);
    }
    if (help == 1) {
        mend_sum(image, len);
    }
    return len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static unsigned char image[IMAGE_MAX];
    char dir[] = "/tmp/sluice-fuzz-XXXXXX";
    require(mkdtemp(dir) != NULL);
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    require(fd >= 0);

    size_t len = make_image(data, size, image);
    write_file(fd, "fuzz.manifest", image, len, (off_t)len);
    write_file(fd, "fuzz.spill", "", 0, 1 << 20);
    read_head(dir);
    read_body(dir);
    require(unlinkat(fd, "fuzz.manifest", 0) == 0 && unlinkat(fd, "fuzz.spill", 0) == 0);
    require(close(fd) == 0 && rmdir(dir) == 0);
    return 0;
}

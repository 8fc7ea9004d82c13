/* For O_TMPFILE, fallocate, pwritev and sync_file_range. */
#define _GNU_SOURCE /* NOLINT(bugprone-reserved-identifier,readability-identifier-naming) */
#include "flow/spill_disk.h"

#include "flow/spill.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define FILE_MODE  0600
#define FOLIO_MAX  (UINT64_C(2) << 20)
#define OPEN_FLAGS (O_CLOEXEC | O_NOFOLLOW)

bool place_is_name(const char *name, size_t len)
{
    return len > 0 && len < SPILL_NAME_MAX &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") >= len;
}

/* What a person gave and can change, as far as errno tells. */
static bool open_failed(const char *dir, struct err *err)
{
    bool usage = errno == ENOENT || errno == ENOTDIR || errno == EACCES || errno == EROFS ||
                 errno == ELOOP || errno == ENAMETOOLONG;
    (void)err_set_errno(err, "cannot use the directory %s for spilled rows", dir);
    if (usage) {
        err->kind = ERR_USAGE;
    }
    return false;
}

bool place_open(const char *dir, const char *name, bool to_write, struct place *out,
                struct err *err)
{
    if (!place_is_name(name, strlen(name))) {
        return err_set(err, ERR_USAGE, "\"%s\" cannot be the name of a spill file", name);
    }
    struct place p = {open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), dir, name};
    if (p.fd < 0) {
        return open_failed(dir, err);
    }
    if (faccessat(p.fd, ".", to_write ? W_OK | X_OK : X_OK, AT_EACCESS) != 0) {
        place_close(&p);
        return open_failed(dir, err);
    }
    *out = p;
    return true;
}

void place_close(struct place *p)
{
    int saved = errno;
    if (p->fd >= 0) {
        (void)close(p->fd);
    }
    p->fd = -1;
    errno = saved;
}

const char *place_file(const struct place *p, const char *suffix, char out[PLACE_FILE_MAX])
{
    int len = snprintf(out, PLACE_FILE_MAX, "%s%s", p->name, suffix);
    assert(len > 0 && len < PLACE_FILE_MAX);
    (void)len;
    return out;
}

bool place_failed(const struct place *p, const char *what, const char *suffix, struct err *err)
{
    return err_set_errno(err, "cannot %s %s/%s%s", what, p->dir, p->name, suffix);
}

bool place_sync(const struct place *p, struct err *err)
{
    return fsync(p->fd) == 0 ||
           err_set_errno(err, "cannot put the directory %s on stable storage", p->dir);
}

bool place_unlink(const struct place *p, const char *suffix)
{
    char file[PLACE_FILE_MAX];
    return unlinkat(p->fd, place_file(p, suffix, file), 0) == 0 || errno == ENOENT;
}

int place_create(const struct place *p, const char *suffix)
{
    char file[PLACE_FILE_MAX];
    return openat(p->fd, place_file(p, suffix, file), O_RDWR | O_CREAT | O_EXCL | OPEN_FLAGS,
                  FILE_MODE);
}

int place_create_unnamed(const struct place *p)
{
    return openat(p->fd, ".", O_RDWR | O_TMPFILE | O_EXCL | O_CLOEXEC, FILE_MODE);
}

/* A lock is on a file, not on its name: the name may be gone or another's by the time that it is
 * taken, and then somebody else is at work there. */
enum place_status place_lock_data(const struct place *p, int fd)
{
    char file[PLACE_FILE_MAX];
    struct stat ours, named;

    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        return errno == EWOULDBLOCK ? PLACE_BUSY : PLACE_FAILED;
    }
    if (fstat(fd, &ours) != 0) {
        return PLACE_FAILED;
    }
    if (fstatat(p->fd, place_file(p, PLACE_DATA, file), &named, AT_SYMLINK_NOFOLLOW) != 0) {
        return errno == ENOENT ? PLACE_BUSY : PLACE_FAILED;
    }
    return ours.st_dev == named.st_dev && ours.st_ino == named.st_ino ? PLACE_OPEN : PLACE_BUSY;
}

enum place_status place_open_data(const struct place *p, int *out)
{
    char file[PLACE_FILE_MAX];
    int fd = openat(p->fd, place_file(p, PLACE_DATA, file), O_RDWR | O_NONBLOCK | OPEN_FLAGS);
    if (fd < 0) {
        return errno == ENOENT ? PLACE_ABSENT : PLACE_FAILED;
    }
    enum place_status status = place_lock_data(p, fd);
    if (status != PLACE_OPEN) {
        int saved = errno;
        (void)close(fd);
        errno = saved;
        return status;
    }
    *out = fd;
    return PLACE_OPEN;
}

bool disk_read(int fd, void *bytes, size_t len, uint64_t at)
{
    for (size_t done = 0; done < len;) {
        ssize_t n = pread(fd, (char *)bytes + done, len - done, (off_t)(at + done));
        if (n == 0) {
            errno = ENODATA;
        }
        if (n == 0 || (n < 0 && errno != EINTR)) {
            return false;
        }
        done += n > 0 ? (size_t)n : 0;
    }
    return true;
}

bool disk_write(int fd, const void *bytes, size_t len, uint64_t at)
{
    return disk_write_padded(fd, bytes, len, len, at);
}

/* What of the bytes and of the zeros behind them is still to be written. */
static int pieces(const void *bytes, size_t len, size_t padded_len, size_t done,
                  struct iovec out[2])
{
    static const char zeros[DISK_PAGE_BYTES];
    union { /* iovec has one kind of pointer for both directions */
        const void *in;
        void *out;
    } rows = {.in = bytes}, pad = {.in = zeros};

    if (done < len) {
        out[0] = (struct iovec){(char *)rows.out + done, len - done};
        out[1] = (struct iovec){pad.out, padded_len - len};
        return padded_len > len ? 2 : 1;
    }
    out[0] = (struct iovec){pad.out, padded_len - done};
    return 1;
}

bool disk_write_padded(int fd, const void *bytes, size_t len, size_t padded_len, uint64_t at)
{
    assert(padded_len >= len && padded_len - len < DISK_PAGE_BYTES);
    for (size_t done = 0; done < padded_len;) {
        struct iovec rest[2];
        int count = pieces(bytes, len, padded_len, done, rest);
        ssize_t n = pwritev(fd, rest, count, (off_t)(at + done));
        if (n == 0) {
            errno = EIO; /* a file that takes nothing */
        }
        if (n == 0 || (n < 0 && errno != EINTR)) {
            return false;
        }
        done += n > 0 ? (size_t)n : 0;
    }
    return true;
}

bool disk_reserve(int fd, uint64_t at, uint64_t len)
{
    int rc = 0;
    do {
        rc = fallocate(fd, 0, (off_t)at, (off_t)len);
    } while (rc != 0 && errno == EINTR);
    return rc == 0;
}

bool disk_no_space(int error)
{
    return error == ENOSPC || error == EDQUOT || error == EFBIG;
}

/* Pipes and some file systems cannot; then there is nothing to push. */
static bool sync_range(int fd, uint64_t at, uint64_t len, unsigned flags)
{
    return sync_file_range(fd, (off_t)at, (off_t)len, flags) == 0 || errno == ENOSYS ||
           errno == ESPIPE || errno == EINVAL;
}

bool disk_push(int fd, uint64_t at, uint64_t len)
{
    return sync_range(fd, at, len, SYNC_FILE_RANGE_WRITE);
}

bool disk_settle(int fd, uint64_t at, uint64_t len)
{
    bool ok = sync_range(fd, at, len,
                         SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
                             SYNC_FILE_RANGE_WAIT_AFTER);
    int saved = errno;
    disk_drop(fd, at, len);
    errno = saved;
    return ok;
}

/* The kernel reads ahead in folios of up to 2 MB, each aligned to its size, and drops none of which
 * a part is outside the range; so the range begins where a folio can. */
void disk_drop(int fd, uint64_t at, uint64_t len)
{
    uint64_t from = at / FOLIO_MAX * FOLIO_MAX;
    (void)posix_fadvise(fd, (off_t)from, (off_t)(at - from + len), POSIX_FADV_DONTNEED);
}

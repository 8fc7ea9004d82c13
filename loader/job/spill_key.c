/* realpath: XSI. */
#define _GNU_SOURCE /* NOLINT(bugprone-reserved-identifier,readability-identifier-naming) */
#include "job/spill_key.h"

#include "base/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEX_BYTES ((size_t)2 * SPILL_KEY_FILE_BYTES)

bool spill_key_random(unsigned char key[SPILL_KEY_FILE_BYTES], struct err *err)
{
    ssize_t n = getrandom(key, SPILL_KEY_FILE_BYTES, 0);
    return n == (ssize_t)SPILL_KEY_FILE_BYTES || err_set_errno(err, "getrandom");
}

/* What a person gave and can change is no failure of the system. */
static bool failed(const char *what, const char *path, struct err *err)
{
    bool usage = errno == ENOENT || errno == ENOTDIR || errno == EACCES || errno == EROFS ||
                 errno == ELOOP || errno == EISDIR || errno == ENAMETOOLONG || errno == ENXIO;
    bool link = errno == ELOOP;
    (void)err_set_errno(err, "--spill-key-file: cannot %s %s", what, path);
    if (link) {
        (void)err_set(err, ERR_USAGE,
                      "--spill-key-file: %s is a symbolic link; name the file itself", path);
    }
    err->kind = usage ? ERR_USAGE : ERR_SYSTEM;
    return false;
}

/* The directory that the file is in, links followed. */
static bool find_parent(const char *path, char parent[PATH_MAX], struct err *err)
{
    char copy[PATH_MAX];
    size_t len = strlen(path);
    if (len >= sizeof copy) {
        return err_set(err, ERR_USAGE, "--spill-key-file: the path is too long");
    }
    memcpy(copy, path, len + 1);
    char *slash = strrchr(copy, '/');
    if (slash != NULL && slash != copy) {
        *slash = '\0';
    }
    const char *dir = slash == NULL ? "." : slash == copy ? "/" : copy;
    return realpath(dir, parent) != NULL ||
           err_set(err, ERR_USAGE, "--spill-key-file: the directory of %s does not exist", path);
}

static bool check_place(const char *path, const char *parent, const char *spill_dir,
                        struct err *err)
{
    char dir[PATH_MAX];
    if (realpath(spill_dir, dir) == NULL) {
        return err_set(err, ERR_USAGE, "--spill-dir: %s does not exist", spill_dir);
    }
    size_t len = strlen(dir);
    bool inside =
        strncmp(parent, dir, len) == 0 && (parent[len] == '\0' || parent[len] == '/' || len == 1);
    return !inside ||
           err_set(err, ERR_USAGE,
                   "--spill-key-file: %s lies in the directory of the rows that it protects;"
                   " name a file elsewhere",
                   path);
}

static bool write_key(int fd, const unsigned char *key)
{
    static const char digits[] = "0123456789abcdef";
    char text[HEX_BYTES + 1];
    for (size_t i = 0; i < SPILL_KEY_FILE_BYTES; i++) {
        text[2 * i] = digits[key[i] >> 4];
        text[2 * i + 1] = digits[key[i] & 15u];
    }
    text[HEX_BYTES] = '\n';
    bool ok = write(fd, text, sizeof text) == (ssize_t)sizeof text && fsync(fd) == 0;
    secret_wipe(text, sizeof text);
    return ok;
}

/* A key that a crash of the machine takes away would take the rows with it. */
static bool sync_dir(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;
    int saved = errno;
    if (fd >= 0) {
        (void)close(fd);
    }
    errno = saved;
    return ok;
}

static bool make(const char *path, const char *parent, unsigned char *key, bool *made,
                 struct err *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    *made = fd >= 0;
    if (fd < 0) {
        return errno == EEXIST || failed("make", path, err);
    }
    bool ok = spill_key_random(key, err) &&
              ((write_key(fd, key) && sync_dir(parent)) || failed("write", path, err));
    (void)close(fd);
    if (!ok) {
        (void)unlink(path);
    }
    return ok;
}

static int nibble(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool parse(const char *text, unsigned char *key)
{
    for (size_t i = 0; i < SPILL_KEY_FILE_BYTES; i++) {
        int high = nibble(text[2 * i]);
        int low = nibble(text[2 * i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        key[i] = (unsigned char)(high * 16 + low);
    }
    return text[HEX_BYTES] == '\n';
}

static bool check_file(int fd, const char *path, struct err *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0) {
        return err_set_errno(err, "--spill-key-file: %s", path);
    }
    if (!S_ISREG(st.st_mode) || st.st_size != (off_t)HEX_BYTES + 1) {
        return err_set(err, ERR_USAGE,
                       "--spill-key-file: %s is not a key of Sluice's (%zu hexadecimal digits);"
                       " name a file that does not exist to have one made",
                       path, HEX_BYTES);
    }
    if (st.st_uid != geteuid() || (st.st_mode & 077u) != 0) {
        return err_set(err, ERR_USAGE,
                       "--spill-key-file: %s must belong to the user who runs the load, and nobody"
                       " else may read it: chmod 600",
                       path);
    }
    return true;
}

static bool read_key(const char *path, unsigned char *key, struct err *err)
{
    char text[HEX_BYTES + 1];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) {
        return failed("read", path, err);
    }
    bool ok = check_file(fd, path, err);
    if (ok && (read(fd, text, sizeof text) != (ssize_t)sizeof text || !parse(text, key))) {
        ok = err_set(err, ERR_USAGE, "--spill-key-file: %s is not a key of Sluice's", path);
    }
    secret_wipe(text, sizeof text);
    (void)close(fd);
    return ok;
}

bool spill_key_from_file(const char *path, const char *spill_dir, bool may_make,
                         unsigned char key[SPILL_KEY_FILE_BYTES], struct err *err)
{
    char parent[PATH_MAX];
    bool made = false;
    if (!find_parent(path, parent, err) || !check_place(path, parent, spill_dir, err)) {
        return false;
    }
    return (!may_make || make(path, parent, key, &made, err)) && (made || read_key(path, key, err));
}

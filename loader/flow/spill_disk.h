/*
 * spill_disk.h: the files of a spill in their directory, and what is asked of the kernel for them.
 *
 * Files are opened without following links, 0600, closed on exec. ERR_SYSTEM unless said otherwise;
 * messages name the file.
 */
#ifndef FLOW_SPILL_DISK_H
#define FLOW_SPILL_DISK_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A directory that is open, and the name that all files of one spill begin with. */
struct place {
    int fd;
    const char *dir;  /* borrowed */
    const char *name; /* borrowed */
};

#define PLACE_DATA         ".spill"
#define PLACE_MANIFEST     ".manifest"
#define PLACE_MANIFEST_NEW ".manifest.new"
#define PLACE_FILE_MAX     160

/* ERR_USAGE when the name is not one, or the directory is not there or may not be entered;
 * to_write: or may not be written to. place_close afterwards. */
bool place_open(const char *dir, const char *name, bool to_write, struct place *out,
                struct err *err) MUST_CHECK;
void place_close(struct place *p); /* keeps errno */

bool place_is_name(const char *name, size_t len);

/* The file's name without its directory; returns out. */
const char *place_file(const struct place *p, const char *suffix, char out[PLACE_FILE_MAX]);

/* Fails as err_set_errno does: "cannot WHAT DIR/NAMESUFFIX: why". */
bool place_failed(const struct place *p, const char *what, const char *suffix, struct err *err);

bool place_sync(const struct place *p, struct err *err) MUST_CHECK; /* the directory itself */
bool place_unlink(const struct place *p, const char *suffix);       /* errno; absent is fine */

/* A new file that must not exist yet; -1 with errno. */
int place_create(const struct place *p, const char *suffix);
/* A file without a name, or -1 with errno. */
int place_create_unnamed(const struct place *p);

enum place_status { PLACE_OPEN, PLACE_ABSENT, PLACE_BUSY, PLACE_FAILED };

/* The data file, and the lock on it, that the process has until it closes it. FAILED sets errno. */
enum place_status place_open_data(const struct place *p, int *out);
/* The lock on a data file just made: OPEN, BUSY or FAILED. */
enum place_status place_lock_data(const struct place *p, int fd);

/* Whole, at an offset, however often the kernel does a part; false with errno. What is missing
 * behind the end of the file is ENODATA. */
bool disk_read(int fd, void *bytes, size_t len, uint64_t at);
bool disk_write(int fd, const void *bytes, size_t len, uint64_t at);
/* The same, and zeros up to padded_len (by less than a page): a page that is written whole need not
 * be read first. */
bool disk_write_padded(int fd, const void *bytes, size_t len, size_t padded_len, uint64_t at);

/* Space for [at, at + len), in advance. False with errno; EOPNOTSUPP where a file system cannot. */
bool disk_reserve(int fd, uint64_t at, uint64_t len);

bool disk_no_space(int error); /* ENOSPC and its kin */

/* Starts writing back; waits until it is written and drops it from the page cache; drops what is
 * clean. The first two: false with errno when the disk failed. */
bool disk_push(int fd, uint64_t at, uint64_t len);
bool disk_settle(int fd, uint64_t at, uint64_t len);
void disk_drop(int fd, uint64_t at, uint64_t len);

#define DISK_PAGE_BYTES 4096u

#endif

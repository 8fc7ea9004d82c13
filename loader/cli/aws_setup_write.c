/* Files into a directory that was not there before. */
#include "cli/aws_setup_files.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static bool write_all(int fd, const struct buf *text)
{
    size_t done = 0;
    while (done < text->len) {
        ssize_t n = write(fd, text->data + done, text->len - done);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return false;
        }
        done += (size_t)n;
    }
    return true;
}

static bool write_file(int dir, const struct setup_file *file, const char *directory,
                       struct err *err)
{
    int fd = openat(dir, file->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                    file->program ? S_IRWXU : S_IRUSR | S_IWUSR);
    if (fd < 0) {
        return err_set_errno(err, "cannot make %s/%s", directory, file->name);
    }
    bool ok = write_all(fd, &file->text) ||
              err_set_errno(err, "cannot write %s/%s", directory, file->name);
    if (close(fd) != 0 && ok) {
        ok = err_set_errno(err, "cannot write %s/%s", directory, file->name);
    }
    return ok;
}

/* Only what is ours: count files in the directory that we made. */
static void take_away(int dir, const struct setup_files *files, size_t count, const char *directory)
{
    for (size_t i = 0; i < count; i++) {
        (void)unlinkat(dir, files->items[i].name, 0);
    }
    (void)rmdir(directory);
}

bool setup_files_write(const struct setup_files *files, const char *directory, struct err *err)
{
    if (mkdir(directory, S_IRWXU) != 0) {
        return errno == EEXIST
                   ? err_set(err, ERR_USAGE,
                             "--out: %s is there already; name another directory, "
                             "or move it away",
                             directory)
                   : err_set_errno(err, "--out: cannot make the directory %s", directory);
    }
    int dir = open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (dir < 0) {
        bool failed = err_set_errno(err, "--out: cannot open the directory %s", directory);
        (void)rmdir(directory);
        return failed;
    }
    bool ok = true;
    for (size_t i = 0; ok && i < files->count; i++) {
        ok = write_file(dir, &files->items[i], directory, err);
        if (!ok) {
            take_away(dir, files, i + 1, directory);
        }
    }
    (void)close(dir);
    return ok;
}

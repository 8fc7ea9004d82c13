/* heap: what is freed or moved within a window is wiped, and outside it is not touched.
 *
 * A freed block is read by a system call from the process's own memory, since C allows no look at
 * it. That it can be found there at all is tested first; where it cannot, nothing could fail. */
#include "unit.h"

#include "base/heap.h"
#include "base/secret.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BLOCK ((size_t)200)
#define LINKS ((size_t)32) /* at a free block's beginning, where the heap keeps its own */

static const char mark[] = "hunter2-hunter2-hunter2";

static uintptr_t filled(char *block, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        block[i] = mark[i % (sizeof mark - 1)];
    }
    return (uintptr_t)block;
}

/* How many of the mark's pieces are at address, which may belong to nobody any more. */
static size_t pieces_at(uintptr_t address, size_t len)
{
    char seen[4 * BLOCK];
    size_t count = 0;
    int fd = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0 && len <= sizeof seen);
    assert_int_equal(pread(fd, seen, len, (off_t)address), len);
    assert_int_equal(close(fd), 0);
    for (size_t i = LINKS; i + 7 <= len; i++) {
        count += memcmp(seen + i, "hunter2", 7) == 0 ? 1 : 0;
    }
    secret_wipe(seen, sizeof seen);
    return count;
}

static void skip_without_it(void)
{
    if (!heap_wipes()) {
        skip(); /* a sanitizer's heap */
    }
}

/* volatile: the compiler knows what free means, and would leave out what nobody reads. */
static char *volatile holder;

static uintptr_t free_one(size_t len)
{
    holder = malloc(len);
    assert_non_null(holder);
    uintptr_t at = filled(holder, len);
    assert_true(pieces_at(at, len) > 0);
    free(holder);
    return at;
}

static void outside_a_window_it_stays(void **state)
{
    skip_without_it();
    assert_true(pieces_at(free_one(BLOCK), BLOCK) > 0);
    heap_wipe_begin();
    heap_wipe_end();
    assert_true(pieces_at(free_one(BLOCK), BLOCK) > 0);
    (void)state;
}

static void freed_in_a_window_is_wiped(void **state)
{
    static const size_t sizes[] = {LINKS + 32, BLOCK, 4 * BLOCK};
    skip_without_it();
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        heap_wipe_begin();
        uintptr_t at = free_one(sizes[i]);
        heap_wipe_end();
        assert_int_equal(pieces_at(at, sizes[i]), 0);
    }
    (void)state;
}

static void windows_nest(void **state)
{
    skip_without_it();
    heap_wipe_begin();
    heap_wipe_begin();
    heap_wipe_end();
    uintptr_t at = free_one(BLOCK);
    heap_wipe_end();
    assert_int_equal(pieces_at(at, BLOCK), 0);
    assert_true(pieces_at(free_one(BLOCK), BLOCK) > 0);
    (void)state;
}

/* Size 0 frees; a smaller one must not leave the end that is cut off. */
static void moved_in_a_window_is_wiped(void **state)
{
    static const size_t new_sizes[] = {2 * BLOCK, 64 * BLOCK, LINKS + 8, 0};
    skip_without_it();
    for (size_t i = 0; i < ARRAY_LEN(new_sizes); i++) {
        size_t kept = new_sizes[i] < BLOCK ? new_sizes[i] : BLOCK;
        holder = malloc(BLOCK);
        assert_non_null(holder);
        uintptr_t at = filled(holder, BLOCK);
        char *wanted = strndup(holder, kept);
        heap_wipe_begin();
        /* NOLINTNEXTLINE(clang-analyzer-optin.portability.UnixAPI): ours is glibc's. */
        char *moved = realloc(holder, new_sizes[i]);
        heap_wipe_end();
        assert_int_equal(pieces_at(at, BLOCK), 0);
        assert_true((moved == NULL) == (new_sizes[i] == 0));
        if (moved != NULL) {
            assert_memory_equal(moved, wanted, kept);
        }
        free(moved);
        free(wanted);
    }
    (void)state;
}

static void realloc_is_realloc(void **state)
{
    skip_without_it();
    for (int inside = 0; inside < 2; inside++) {
        if (inside != 0) {
            heap_wipe_begin();
        }
        char *p = realloc(NULL, 10);
        assert_non_null(p);
        memcpy(p, "123456789", 10);
        char *q = realloc(p, 100000);
        assert_non_null(q);
        assert_string_equal(q, "123456789");
        holder = q;
        assert_null(realloc(holder, SIZE_MAX / 2 - (size_t)inside)); /* refused, and still there */
        assert_string_equal(holder, "123456789");
        free(holder);
        free(NULL);
        if (inside != 0) {
            heap_wipe_end();
        }
    }
    (void)state;
}

/* Shared libraries have to call the program's free, or all this is for nothing: libc's own stdio
 * buffer here; what libpq leaves, only a look at a whole process after a load can tell. */
static void libraries_free_through_it(void **state)
{
    char path[] = "/tmp/sluice-test-heap-XXXXXX";
    char buffer[8];
    skip_without_it();
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    holder = malloc(BLOCK);
    (void)filled(holder, BLOCK);
    assert_int_equal(write(fd, holder, BLOCK), BLOCK);
    free(holder);
    for (int inside = 0; inside < 2; inside++) {
        FILE *f = fopen(path, "r");
        assert_non_null(f);
        assert_int_equal(fread(buffer, 1, sizeof buffer, f), sizeof buffer);
        uintptr_t at = (uintptr_t)f->_IO_buf_base;
        assert_true(pieces_at(at, BLOCK) > 0);
        if (inside != 0) {
            heap_wipe_begin();
        }
        assert_int_equal(fclose(f), 0);
        if (inside != 0) {
            heap_wipe_end();
        }
        assert_true((pieces_at(at, BLOCK) == 0) == (inside != 0));
    }
    assert_int_equal(close(fd), 0);
    assert_int_equal(unlink(path), 0);
    (void)state;
}

static void *free_elsewhere(void *at)
{
    *(uintptr_t *)at = (uintptr_t)holder;
    free(holder);
    return NULL;
}

static void a_window_is_of_its_thread(void **state)
{
    pthread_t thread;
    uintptr_t at = 0;
    skip_without_it();
    holder = malloc(4 * BLOCK);
    (void)filled(holder, 4 * BLOCK);
    heap_wipe_begin();
    assert_int_equal(pthread_create(&thread, NULL, free_elsewhere, &at), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    heap_wipe_end();
    assert_true(pieces_at(at, 4 * BLOCK) > 0);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outside_a_window_it_stays),
        cmocka_unit_test(freed_in_a_window_is_wiped),
        cmocka_unit_test(windows_nest),
        cmocka_unit_test(moved_in_a_window_is_wiped),
        cmocka_unit_test(realloc_is_realloc),
        cmocka_unit_test(libraries_free_through_it),
        cmocka_unit_test(a_window_is_of_its_thread),
    };
    return cmocka_run_group_tests_name("heap", tests, NULL, NULL);
}

/*
 * platform.h: what the client needs from the world: variables, files, the network, the clocks, and
 * a way to wait. Everything under aws/ takes a const struct aws_platform *, so that a test owns all
 * of it; nothing under aws/ but env.c (variables), http.c (network) and platform.c asks the system.
 *
 * All functions may be called by several threads at once.
 */
#ifndef AWS_PLATFORM_H
#define AWS_PLATFORM_H

#include "aws/http.h"
#include "base/err.h"
#include "base/secret.h"

#include <stddef.h>
#include <stdint.h>

struct aws_platform {
    void *arg;

    /* The value of an environment variable, NULL when it is not set. Borrowed, lives as long as
     * the platform. */
    const char *(*variable)(void *arg, const char *name);

    /* A whole file of at most bytes_max bytes. *found false and true returned when there is no such
     * file; ERR_USAGE when it cannot be read or is larger. */
    bool (*read_file)(void *arg, const char *path, size_t bytes_max, struct secret *out,
                      bool *found, struct err *err);

    bool (*send)(void *arg, const struct http_request *request, struct http_reply *reply,
                 struct err *err);

    int64_t (*wall_ms)(void *arg);  /* Unix time as this machine believes it */
    uint64_t (*mono_ns)(void *arg); /* never goes back */
    uint64_t (*random)(void *arg);  /* for jitter, not for secrets */

    /* Waits; false when it was ended early because the run is to stop. */
    bool (*wait)(void *arg, uint64_t wait_ms);
};

/*
 * The real one. wake_fd: -1 or a descriptor whose readiness ends every wait and every request with
 * ERR_CANCELLED. Opens libcurl and the wiping memory functions of the libraries below; once, before
 * any thread. platform_close after the last use.
 */
bool aws_platform_open(int wake_fd, struct aws_platform *out, struct err *err) MUST_CHECK;
void aws_platform_close(struct aws_platform *p);

/* NULL when the variable is not set or empty. */
const char *aws_variable(const struct aws_platform *p, const char *name);

#endif

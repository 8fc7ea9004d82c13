#include "job/exit_status.h"

int exit_status_of(enum err_kind kind)
{
    switch (kind) {
    case ERR_NONE:
        return EXIT_DONE;
    case ERR_USAGE:
        return EXIT_USAGE;
    case ERR_AUTH:
        return EXIT_DENIED;
    case ERR_TRANSIENT:
        return EXIT_UNREACHABLE;
    case ERR_CANCELLED:
        return EXIT_STOPPED;
    case ERR_BUSY:
        return EXIT_ALREADY_RUNNING;
    case ERR_DATA:
    case ERR_SYSTEM:
    case ERR_LOST_SNAPSHOT:
    default:
        return EXIT_FAILED;
    }
}

#include "base/hardening.h"
#include "cli/commands.h"

#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    process_harden();
    bool abandon = false;
    int status = command_run(argc, argv, &abandon);
    if (abandon) {
        (void)fflush(stdout);
        _exit(status); /* a thread still waits for a server; nothing of its may be torn down */
    }
    return status;
}

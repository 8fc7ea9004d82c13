#include "base/cleanup.h"
#include "base/log.h"
#include "cli/aws_commands.h"
#include "cli/aws_setup_facts.h"
#include "cli/aws_setup_files.h"
#include "cli/frame.h"
#include "job/exit_status.h"

#include <stdio.h>

static void tell_gaps(const struct setup_facts *f)
{
    for (size_t i = 0; i < f->gap_count; i++) {
        const struct setup_gap *g = &f->gaps[i];
        if (g->placeholder[0] == '\0') {
            log_warning("%s", g->how);
        } else {
            log_warning("%s is left as a placeholder: %s", g->placeholder, g->how);
        }
    }
}

static bool print_files(const struct setup_files *files, const char *directory, struct err *err)
{
    for (size_t i = 0; i < files->count; i++) {
        if (printf("%s/%s\n", directory, files->items[i].name) < 0) {
            return err_set_errno(err, "cannot write the list of files");
        }
    }
    return fflush(stdout) == 0 || err_set_errno(err, "cannot write the list of files");
}

int aws_setup_run(const struct spec *spec, bool *abandon)
{
    (void)abandon; /* no thread is ever left behind here */
    struct err err = {.kind = ERR_NONE};
    CLEANUP(setup_facts_free) struct setup_facts facts = {.partition = NULL};
    CLEANUP(setup_files_free) struct setup_files files = {.count = 0};

    if (!setup_facts_read(spec, &facts, &err) || !setup_facts_ask(&facts, &err) ||
        !setup_files_make(&facts, &files, &err) ||
        !setup_files_write(&files, spec->aws.out, &err)) {
        return frame_failed(&err);
    }
    tell_gaps(&facts);
    if (!setup_wants_policy(&facts)) {
        log_warning("no side asks for anything of AWS, so there is no policy; see the options "
                    "--source-secret, --source-iam, --source-role-arn and their like");
    }
    log_info("nothing has been applied; begin with %s/README.md", spec->aws.out);
    return print_files(&files, spec->aws.out, &err) ? EXIT_DONE : frame_failed(&err);
}

/*
 * fuzz_job_file: any bytes are either refused with places and messages, or taken; and what was
 * taken comes out of --print-config as a file that is taken again and means the same.
 */
#include "cli/job_file.h"
#include "cli/options_result.h"
#include "cli/print_config.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int ok)
{
    if (!ok) {
        abort();
    }
}

static bool take(const char *bytes, size_t len, struct options_result *r, struct err *err)
{
    struct job_file file = {.path = "fuzz",
                            .command = FOR_LOAD,
                            .spec = &r->spec,
                            .origins = &r->origins,
                            .findings = &r->findings};
    *r = (struct options_result){.verdict = OPTIONS_RUN};
    require(options_defaults(&r->spec, err));
    return job_file_read_bytes(&file, bytes, len, err);
}

static void check_refusal(const struct options_result *r, const struct err *err)
{
    require(err->kind == ERR_USAGE && err->msg[0] != '\0');
    require(r->findings.count > 0 && r->findings.count <= 100);
    for (size_t i = 0; i < r->findings.count; i++) {
        const char *text = r->findings.items[i].text;
        require(strncmp(text, "fuzz:", 5) == 0 && text[5] >= '1' && text[5] <= '9');
    }
}

static void check_rule(const struct table_rule *t)
{
    require(t->pattern != NULL && t->line > 0);
    require(t->chunk_bytes == 0 || t->chunk_bytes >= 65536);
    require(t->is_default ? t->column_count == 0 && t->to_table == NULL : 1);
    for (size_t i = 0; i < t->column_count; i++) {
        const struct column_rule *c = &t->columns[i];
        require(c->column != NULL && c->line > 0 && strlen(c->column) <= 63);
        require((c->rename != NULL) + (c->expression != NULL) + c->leave_out <= 1);
        require(c->type == NULL || c->expression != NULL);
    }
}

/* What a variable brought is gone from the environment, and cannot be read again. */
static bool uses_variables(const struct options_result *r)
{
    for (size_t i = 0; i < OPTIONS_MAX; i++) {
        const struct text_list *envs = &r->origins.options[i].envs;
        for (size_t k = 0; k < envs->count; k++) {
            if (envs->items[k][0] != '\0') {
                return true;
            }
        }
    }
    return false;
}

/* Line numbers differ, so what stands behind the values is cut off. */
static char *without_origins(const struct buf *text)
{
    struct buf out;
    buf_init(&out, BUF_SQL_MAX);
    for (const char *line = buf_str(text); *line != '\0';) {
        size_t len = strcspn(line, "\n");
        size_t end = len;
        for (size_t i = 0; i + 4 <= len; i++) {
            end = memcmp(line + i, "  # ", 4) == 0 ? i : end;
        }
        buf_add(&out, line, end);
        buf_puts(&out, "\n");
        line += len + (line[len] == '\n' ? 1 : 0);
    }
    char *cut = buf_take(&out);
    require(cut != NULL);
    return cut;
}

static void check_round_trip(const struct options_result *first)
{
    struct options_result second;
    struct err err;
    struct buf one;
    struct buf two;
    buf_init(&one, BUF_SQL_MAX);
    buf_init(&two, BUF_SQL_MAX);
    require(print_config(first, &one, &err));
    if (one.len <= JOB_FILE_BYTES_MAX) {
        require(take(one.data, one.len, &second, &err));
        require(print_config(&second, &two, &err));
        char *a = without_origins(&one);
        char *b = without_origins(&two);
        require(strcmp(a, b) == 0);
        free(a);
        free(b);
        options_result_free(&second);
    }
    buf_free(&one);
    buf_free(&two);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct options_result r;
    struct err err = {.kind = ERR_NONE};
    char *bytes = malloc(size == 0 ? 1 : size); /* its own, so that ASan sees where it ends */
    require(bytes != NULL);
    if (size > 0) {
        memcpy(bytes, data, size);
    }
    if (take(bytes, size, &r, &err)) {
        require(r.findings.count == 0);
        for (size_t i = 0; i < r.spec.rules.count; i++) {
            check_rule(&r.spec.rules.items[i]);
        }
        if (!uses_variables(&r)) {
            check_round_trip(&r);
        }
    } else {
        check_refusal(&r, &err);
    }
    options_result_free(&r);
    free(bytes);
    return 0;
}

#include "cli/job_file.h"

#include "base/cleanup.h"
#include "base/secret.h"
#include "cli/job_file_keys.h"
#include "cli/utf8.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- the top of the file ---- */

static void take_version(struct job_reader *r, const struct tree_node *key, void *into)
{
    const struct tree_node *n = key->value;
    (void)into;
    if (n->bad) {
        return;
    }
    if (n->kind != TREE_TEXT || !n->plain || strcmp(n->text, "1") != 0) {
        job_note(&r->notes, n->line, n->column,
                 "this version of the format is not known here; write version: 1");
    }
}

static const struct job_key top_keys[] = {
    {"version",     "1",   take_version     },
    {"source",      "map", job_take_side    },
    {"destination", "map", job_take_side    },
    {"options",     "map", job_take_options },
    {"select",      "map", job_take_select  },
    {"defaults",    "map", job_take_defaults},
    {"tables",      "map", job_take_tables  },
};
static const struct job_keys top = {top_keys, sizeof top_keys / sizeof top_keys[0],
                                    "the top of the file", true};

static void check_version(struct job_reader *r, const struct tree_node *root)
{
    if (root->kind != TREE_MAP || root->count == 0) {
        return; /* that is in the notes */
    }
    for (const struct tree_node *k = root->first; k != NULL; k = k->next) {
        if (strcmp(k->text, "version") == 0) {
            return;
        }
    }
    job_note(&r->notes, root->line, root->column,
             "the version of the format is missing; begin with \"version: 1\"");
}

static void take_tree(struct job_reader *r, const struct tree_node *root)
{
    check_version(r, root);
    r->file_shards = job_file_shards(root);
    job_take_map(r, root, &top, NULL);
    job_check_rules(r);
    job_forget_sides(r, root);
}

/* ---- bytes ---- */

static bool scan(struct job_reader *r, const char *bytes, size_t len)
{
    for (size_t at = 0; at < len;) {
        uint32_t c = 0;
        size_t step = utf8_next(bytes + at, len - at, &c);
        bool control = (c < ' ' && c != '\t' && c != '\n' && c != '\r') || c == 0x7F;
        if (step == 0 || control) {
            unsigned line = 0;
            unsigned column = 0;
            tree_place(bytes, at, &line, &column);
            job_note(&r->notes, line, column, "%s",
                     step == 0 ? "a byte that is not UTF-8; save the file as UTF-8"
                     : c == 0  ? "a zero byte; a job file is text"
                               : "a control character; a job file is text");
            return false;
        }
        at += step;
    }
    return true;
}

static bool conclude(const struct job_reader *r, struct err *err)
{
    if (r->failure.kind != ERR_NONE) {
        *err = r->failure;
        return false;
    }
    if (r->notes.count == 1) {
        return err_set(err, ERR_USAGE, "%s", r->file->findings->items[0].text);
    }
    return r->notes.count == 0 || err_set(err, ERR_USAGE, "%.300s: %zu problems; nothing was done",
                                          r->file->path, r->notes.count);
}

bool job_file_read_bytes(const struct job_file *file, const char *bytes, size_t len,
                         struct err *err)
{
    struct job_reader r = {
        .file = file, .notes = {.path = file->path, .findings = file->findings}
    };
    CLEANUP(tree_free) struct tree tree = {.root = NULL};

    if (len >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0) {
        bytes += 3; /* a byte order mark, as some editors write it */
        len -= 3;
    }
    if (len > JOB_FILE_BYTES_MAX) {
        job_note(&r.notes, 1, 1, "the file is larger than 1 MB; use patterns for tables");
    } else if (scan(&r, bytes, len)) {
        if (!tree_read(bytes, len, &r.notes, &tree, err)) {
            return false;
        }
        if (tree.root != NULL && !tree.root->bad) {
            take_tree(&r, tree.root);
        }
    }
    return conclude(&r, err);
}

/* ---- the file ---- */

static bool open_file(const char *path, FILE **out, struct err *err)
{
    struct stat info;
    FILE *in = NULL;
    if (stat(path, &info) == 0 && S_ISDIR(info.st_mode)) {
        return err_set(err, ERR_USAGE, "--config: %.300s is a directory; name the file", path);
    }
    in = fopen(path, "re");
    if (in == NULL) {
        bool missing = errno == ENOENT;
        (void)err_set_errno(err, "--config: cannot read %.300s", path);
        err->kind = missing || errno != ENOMEM ? ERR_USAGE : ERR_SYSTEM;
        return false;
    }
    *out = in;
    return true;
}

bool job_file_read(const struct job_file *file, struct err *err)
{
    CLEANUP_FILE FILE *in = NULL;
    const size_t room = JOB_FILE_BYTES_MAX + 4;
    if (!open_file(file->path, &in, err)) {
        return false;
    }
    char *bytes = malloc(room);
    if (bytes == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory for the job file");
    }
    /* What stdio keeps of the file in its own buffer would not be wiped. */
    (void)setvbuf(in, NULL, _IONBF, 0);
    size_t len = fread(bytes, 1, room, in);
    bool ok = true;
    if (ferror(in) != 0) {
        (void)err_set_errno(err, "--config: cannot read %.300s", file->path);
        err->kind = ERR_USAGE;
        ok = false;
    }
    ok = ok && job_file_read_bytes(file, bytes, len, err);
    secret_wipe(bytes, len);
    free(bytes);
    return ok;
}

/* ---- the keys ---- */

static void print_keys(FILE *out, const char *prefix, const struct job_keys *keys)
{
    for (size_t i = 0; i < keys->count; i++) {
        (void)fprintf(out, "%s%s\t%s\n", prefix, keys->keys[i].name, keys->keys[i].takes);
    }
}

void job_file_print_keys(FILE *out)
{
    print_keys(out, "", &top);
    print_keys(out, "source.", &job_side_keys);
    print_keys(out, "destination.", &job_side_keys);
    for (size_t i = 0; i < options_count(); i++) {
        const struct option_row *row = option_at(i);
        if (job_option_allowed(row)) {
            (void)fprintf(out, "options.%s\t%s\n", row->name, job_option_takes(row));
        }
    }
    print_keys(out, "select.", &job_select_keys);
    print_keys(out, "defaults.", &job_default_keys);
    print_keys(out, "tables.*.", &job_rule_keys);
    print_keys(out, "tables.*.to.", &job_to_keys);
    print_keys(out, "tables.*.columns.*.", &job_column_keys);
}

#include "cli/options_flow.h"

#include "base/str.h"

#include <stdlib.h>
#include <string.h>

static bool is_number(const char *text)
{
    return text[0] != '\0' && text[strspn(text, "0123456789")] == '\0';
}

/* ---- streams and rate ---- */

/* --jobs and --jobs-max may come in either order, so each looks at what the other has left. */

static unsigned auto_jobs(const struct spec *spec)
{
    return spec->jobs_max > 0 ? spec->jobs_max : JOBS_AUTO_MAX;
}

OPTION_SETTER(jobs)
{
    uint64_t count = 0;

    if (strcmp(value->text, "auto") == 0) {
        spec->jobs_auto = true;
        spec->jobs = auto_jobs(spec);
        return true;
    }
    if (!is_number(value->text)) {
        return err_set(err, ERR_USAGE, "%s: \"%s\" is neither a number from 1 to %u nor auto",
                       value->where, value->text, JOBS_MAX);
    }
    if (!parse_count(value->text, value->where, 1, JOBS_MAX, &count, err)) {
        return false;
    }
    spec->jobs_auto = false;
    spec->jobs = (unsigned)count;
    return true;
}

OPTION_SETTER(jobs_max)
{
    uint64_t count = 0;

    if (!parse_count(value->text, value->where, 1, JOBS_MAX, &count, err)) {
        return false;
    }
    spec->jobs_max = (unsigned)count;
    spec->jobs = spec->jobs_auto ? spec->jobs_max : spec->jobs;
    return true;
}

/* "20MB/s" is how a rate is said, "20MB" how a size is typed: both are the same here. */
OPTION_SETTER(max_rate)
{
    char *size = str_copy(value->text);
    size_t len = strlen(value->text);

    if (size == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory for the options");
    }
    if (len >= 2 && strcmp(size + len - 2, "/s") == 0) {
        size[len - 2] = '\0';
    }
    bool ok = parse_size(size, value->where, RATE_MIN, RATE_MAX, &spec->max_rate_bytes_s, err);
    free(size);
    return ok;
}

/* ---- a slower destination ---- */

OPTION_SETTER(compression)
{
    uint64_t level = 0;

    if (is_number(value->text)) {
        if (!parse_count(value->text, value->where, 1, COMPRESSION_LEVEL_MAX, &level, err)) {
            return false;
        }
        spec->compression = COMPRESSION_LEVEL;
    } else if (strcmp(value->text, "auto") == 0) {
        spec->compression = COMPRESSION_AUTO;
    } else if (strcmp(value->text, "off") == 0) {
        spec->compression = COMPRESSION_OFF;
    } else {
        return err_set(err, ERR_USAGE, "%s: \"%s\" is neither auto, off nor a level from 1 to %u",
                       value->where, value->text, COMPRESSION_LEVEL_MAX);
    }
    spec->compression_level = (int)level;
    return true;
}

OPTION_SETTER(spill_dir)
{
    return option_keep_text(&spec->spill_dir, value, err);
}

OPTION_SETTER(spill_limit)
{
    return parse_size(value->text, value->where, SPILL_LIMIT_MIN, SPILL_LIMIT_MAX,
                      &spec->spill_limit_bytes, err);
}

OPTION_SETTER(release_source)
{
    unsigned choice = 0;

    if (!option_choose(value, &choice, err)) {
        return false;
    }
    spec->release_early = choice == 1;
    return true;
}

OPTION_SETTER(spill_key_file)
{
    size_t len = strlen(value->text);

    if (len > 0 && value->text[len - 1] == '/') {
        return err_set(err, ERR_USAGE, "%s: \"%.80s\" names a directory; it takes a file",
                       value->where, value->text);
    }
    return option_keep_text(&spec->spill_key_file, value, err);
}

/* The forms that KMS takes as a KeyId: key id (also of a multi-Region key), ARN, alias:
 * docs.aws.amazon.com/kms/latest/APIReference/API_GenerateDataKey.html. A bare name is what people
 * type in place of an alias, and KMS would only say that there is no such key. */
static bool is_kms_key(const char *text)
{
    if (strncmp(text, "arn:", 4) == 0) {
        return strstr(text, ":kms:") != NULL &&
               (strstr(text, ":key/") != NULL || strstr(text, ":alias/") != NULL);
    }
    if (strncmp(text, "alias/", 6) == 0) {
        return text[6] != '\0';
    }
    const char *id = strncmp(text, "mrk-", 4) == 0 ? text + 4 : text;
    return strlen(id) >= 32 && strlen(id) <= 36 &&
           strspn(id, "0123456789abcdefABCDEF-") == strlen(id);
}

OPTION_SETTER(spill_kms_key)
{
    if (!option_check_text(value, err)) {
        return false;
    }
    if (!is_kms_key(value->text) || strchr(value->text, ' ') != NULL) {
        return err_set(err, ERR_USAGE,
                       "%s: \"%.80s\" is not a KMS key: write its id, its ARN, or alias/NAME",
                       value->where, value->text);
    }
    return option_keep_text(&spec->spill_kms_key, value, err);
}

/* ---- together ---- */

/* The next component of a path, without what does not lead anywhere ("//", "."). */
static const char *next_component(const char *at, size_t *len)
{
    do {
        at += strspn(at, "/");
        *len = strcspn(at, "/");
        if (*len != 1 || *at != '.') {
            return at;
        }
        at++;
    } while (true);
}

/* Where ".." leads the names alone do not say. */
static bool leads_back(const char *path)
{
    size_t len = 0;

    for (path = next_component(path, &len); len > 0; path = next_component(path + len, &len)) {
        if (len == 2 && memcmp(path, "..", 2) == 0) {
            return true;
        }
    }
    return false;
}

/* Does path lead through dir, going by the names? */
static bool is_inside(const char *dir, const char *path)
{
    size_t dir_len = 0;
    size_t path_len = 0;

    if ((dir[0] == '/') != (path[0] == '/')) {
        return false;
    }
    for (;; dir += dir_len, path += path_len) {
        dir = next_component(dir, &dir_len);
        path = next_component(path, &path_len);
        if (dir_len == 0) {
            return !leads_back(path);
        }
        if (dir_len != path_len || memcmp(dir, path, dir_len) != 0) {
            return false;
        }
    }
}

static bool check_spill(const struct spec *spec, struct err *err)
{
    if (spec->spill_dir != NULL) {
        return true;
    }
    if (spec->spill_limit_bytes > 0) {
        return err_set(err, ERR_USAGE, "--spill-limit is about the spill file; add --spill-dir");
    }
    if (spec->release_early) {
        return err_set(err, ERR_USAGE,
                       "--release-source early needs a place for what is read and not yet loaded; "
                       "add --spill-dir");
    }
    return true;
}

static bool check_key(const struct spec *spec, struct err *err)
{
    bool file = spec->spill_key_file != NULL;
    bool kms = spec->spill_kms_key != NULL;

    if (!spec->release_early) {
        return !(file || kms) ||
               err_set(err, ERR_USAGE,
                       "%s is about a spill that outlives the loader; add --release-source early, "
                       "or leave it out: the key is otherwise made for each run and never stored",
                       file ? "--spill-key-file" : "--spill-kms-key");
    }
    if (file == kms) {
        return err_set(err, ERR_USAGE,
                       file ? "--spill-key-file and --spill-kms-key both give the spill's key; "
                              "leave one out"
                            : "--release-source early needs a key that a later run can get as "
                              "well; add --spill-key-file or --spill-kms-key");
    }
    if (file && is_inside(spec->spill_dir, spec->spill_key_file)) {
        return err_set(err, ERR_USAGE,
                       "--spill-key-file: the key must not lie beside what it protects; choose a "
                       "file outside the directory of --spill-dir");
    }
    return true;
}

/* The least that streams can do with: some of the smallest batches for each, as pipeline.h and
 * depot.h have it. */
#define STREAM_MEMORY_MIN (UINT64_C(96) << 10)

static bool check_memory(const struct spec *spec, struct err *err)
{
    if (spec->memory_bytes / STREAM_MEMORY_MIN < spec->jobs) {
        return err_set(err, ERR_USAGE,
                       "--memory is too little for %u streams: give each 96 kB at least, or take"
                       " fewer",
                       spec->jobs);
    }
    return true;
}

bool options_check_flow(enum option_command command, const struct spec *spec, struct err *err)
{
    if (spec->jobs_max > 0 && !spec->jobs_auto) {
        return err_set(err, ERR_USAGE,
                       "--jobs-max is the bound of --jobs auto; add --jobs auto, or leave it out");
    }
    return check_memory(spec, err) && check_spill(spec, err) &&
           (command == FOR_AWS_SETUP || check_key(spec, err));
}

#include "aws/settings.h"

#include "aws/settings_internal.h"
#include "base/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PATH_ROOM 4096

/* ---- the files ---- */

struct file_place {
    enum profile_file file;
    const char *variable;
    const char *below_home;
};

static const struct file_place places[] = {
    {PROFILE_CONFIG,      "AWS_CONFIG_FILE",             "/.aws/config"     },
    {PROFILE_CREDENTIALS, "AWS_SHARED_CREDENTIALS_FILE", "/.aws/credentials"},
};
#define PLACES (sizeof places / sizeof places[0])

/* Leaves "" when there is no home directory to look in. */
static bool place_path(const struct aws_platform *platform, const struct file_place *place,
                       char path[PATH_ROOM], struct err *err)
{
    const char *named = aws_variable(platform, place->variable);
    const char *home = aws_variable(platform, "HOME");
    bool in_home = named == NULL || strncmp(named, "~/", 2) == 0;

    path[0] = '\0';
    if (in_home && home == NULL) {
        if (named != NULL) {
            return err_set(err, ERR_USAGE, "%s begins with ~/, but HOME is not set",
                           place->variable);
        }
        return true;
    }
    const char *tail = named == NULL ? place->below_home : named + (in_home ? 1 : 0);
    int len = snprintf(path, PATH_ROOM, "%s%s", in_home ? home : "", tail);
    if (len < 0 || len >= PATH_ROOM) {
        return err_set(err, ERR_USAGE, "%s: the path is too long", place->variable);
    }
    return true;
}

static bool read_place(const struct aws_platform *platform, const struct file_place *place,
                       struct profiles *profiles, struct err *err)
{
    char path[PATH_ROOM];
    struct secret text = {0};
    bool found = false;

    if (!place_path(platform, place, path, err)) {
        return false;
    }
    if (path[0] == '\0') {
        return true;
    }
    bool ok = platform->read_file(platform->arg, path, PROFILE_FILE_MAX, &text, &found, err);
    if (ok && found) {
        ok = profiles_read(profiles, place->file, path, secret_reveal(&text), text.len, err);
    }
    secret_free(&text);
    return ok;
}

static bool read_files(struct aws_settings *s, struct err *err)
{
    for (size_t i = 0; i < PLACES; i++) {
        if (!read_place(s->platform, &places[i], &s->profiles, err)) {
            return false;
        }
    }
    return true;
}

/* ---- one setting ---- */

bool setting_find(const struct aws_settings *s, const char *variable, const char *property,
                  struct setting *out)
{
    const char *value = aws_variable(s->platform, variable);

    if (value != NULL) {
        (void)snprintf(out->where, sizeof out->where, "%s", variable);
        out->value = value;
        return true;
    }
    value = property == NULL ? NULL : profile_value(aws_settings_profile(s), property);
    if (value == NULL || value[0] == '\0') {
        return false;
    }
    (void)snprintf(out->where, sizeof out->where, "%s of profile %.100s", property, s->profile);
    out->value = value;
    return true;
}

bool setting_bool(const struct aws_settings *s, const char *variable, const char *property,
                  bool *value, struct err *err)
{
    struct setting found;

    if (!setting_find(s, variable, property, &found)) {
        return true;
    }
    bool yes = strcasecmp(found.value, "true") == 0;
    if (!yes && strcasecmp(found.value, "false") != 0) {
        return err_set(err, ERR_USAGE, "%s is neither true nor false", found.where);
    }
    *value = yes;
    return true;
}

static bool set_region(struct aws_settings *s, const char *where, const char *region,
                       struct err *err)
{
    if (!aws_is_region(region)) {
        return err_set(err, ERR_USAGE, "%s is not the name of a Region, such as us-east-1", where);
    }
    (void)snprintf(s->region, sizeof s->region, "%s", region);
    return true;
}

static bool choose_region(struct aws_settings *s, const char *given, struct err *err)
{
    struct setting found;

    if (given != NULL && given[0] != '\0') {
        return set_region(s, "the Region given", given, err);
    }
    if (setting_find(s, "AWS_REGION", NULL, &found) ||
        setting_find(s, "AWS_DEFAULT_REGION", "region", &found)) {
        return set_region(s, found.where, found.value, err);
    }
    return true;
}

static bool choose_profile(struct aws_settings *s, const char *given, struct err *err)
{
    const char *name = given == NULL || given[0] == '\0' ? NULL : given;

    s->profile_given = name != NULL;
    name = name == NULL ? aws_variable(s->platform, "AWS_PROFILE") : name;
    name = name == NULL ? aws_variable(s->platform, "AWS_DEFAULT_PROFILE") : name;
    s->profile_named = name != NULL;
    s->profile = str_copy(name == NULL ? "default" : name);
    return s->profile != NULL || err_set(err, ERR_SYSTEM, "out of memory");
}

static bool require_profile(const struct aws_settings *s, struct err *err)
{
    char paths[PLACES][PATH_ROOM];

    if (!s->profile_named || aws_settings_profile(s) != NULL) {
        return true;
    }
    for (size_t i = 0; i < PLACES; i++) {
        if (!place_path(s->platform, &places[i], paths[i], err)) {
            return false;
        }
    }
    if (paths[0][0] == '\0' && paths[1][0] == '\0') {
        return err_set(err, ERR_USAGE, "no profile %.100s: HOME is not set, so there are no files",
                       s->profile);
    }
    return err_set(err, ERR_USAGE, "no profile %.100s in %.300s or %.300s", s->profile, paths[0],
                   paths[1]);
}

static bool choose_attempts(struct aws_settings *s, struct err *err)
{
    struct setting found;
    struct err why = {0};
    uint64_t count = 0;

    if (!setting_find(s, "AWS_MAX_ATTEMPTS", "max_attempts", &found)) {
        return true;
    }
    if (!parse_count(found.value, found.where, 1, AWS_ATTEMPTS_MAX, &count, &why)) {
        return err_set(err, ERR_USAGE, "%s is not a number between 1 and %d", found.where,
                       AWS_ATTEMPTS_MAX);
    }
    s->max_attempts = (unsigned)count;
    return true;
}

static bool check_retry_mode(const struct aws_settings *s, struct err *err)
{
    static const char *const modes[] = {"legacy", "standard", "adaptive"};
    struct setting found;

    if (!setting_find(s, "AWS_RETRY_MODE", "retry_mode", &found)) {
        return true;
    }
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        if (strcasecmp(found.value, modes[i]) == 0) {
            return true;
        }
    }
    return err_set(err, ERR_USAGE, "%s is none of legacy, standard and adaptive", found.where);
}

static bool choose_ca_bundle(struct aws_settings *s, struct err *err)
{
    struct setting found;

    if (!setting_find(s, "AWS_CA_BUNDLE", "ca_bundle", &found)) {
        return true;
    }
    s->ca_bundle = str_copy(found.value);
    return s->ca_bundle != NULL || err_set(err, ERR_SYSTEM, "out of memory");
}

/* Whoever asks for these endpoints needs all of them; we have none. */
static bool refuse_variants(const struct aws_settings *s, struct err *err)
{
    bool fips = false;
    bool dual_stack = false;

    if (!setting_bool(s, "AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint", &fips, err) ||
        !setting_bool(s, "AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint", &dual_stack,
                      err)) {
        return false;
    }
    if (!fips && !dual_stack) {
        return true;
    }
    return err_set(err, ERR_USAGE,
                   "%s endpoints are asked for (%s, %s), and are not supported; set it to false, "
                   "and name each endpoint with AWS_ENDPOINT_URL_<SERVICE> if you must have them",
                   fips ? "FIPS" : "dual-stack",
                   fips ? "AWS_USE_FIPS_ENDPOINT" : "AWS_USE_DUALSTACK_ENDPOINT",
                   fips ? "use_fips_endpoint" : "use_dualstack_endpoint");
}

/* ---- all of them ---- */

static bool read_all(struct aws_settings *s, const char *profile, const char *region,
                     struct err *err)
{
    return read_files(s, err) && choose_profile(s, profile, err) && require_profile(s, err) &&
           choose_region(s, region, err) && choose_ca_bundle(s, err) && choose_attempts(s, err) &&
           check_retry_mode(s, err) && refuse_variants(s, err) &&
           setting_bool(s, "AWS_EC2_METADATA_DISABLED", NULL, &s->imds_disabled, err);
}

bool aws_settings_read(const struct aws_platform *platform, const char *profile, const char *region,
                       struct aws_settings *out, struct err *err)
{
    struct aws_settings s = {.platform = platform};

    if (!read_all(&s, profile, region, err)) {
        aws_settings_free(&s);
        return false;
    }
    *out = s;
    return true;
}

void aws_settings_free(struct aws_settings *s)
{
    if (s == NULL) {
        return;
    }
    profiles_free(&s->profiles);
    free(s->profile);
    free(s->ca_bundle);
    *s = (struct aws_settings){0};
}

const struct profile_section *aws_settings_profile(const struct aws_settings *s)
{
    return profiles_find(&s->profiles, "profile", s->profile);
}

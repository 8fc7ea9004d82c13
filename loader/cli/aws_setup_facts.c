#include "cli/aws_setup_facts.h"

#include "aws/arn.h"
#include "base/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GAP_TEXT_MAX 2048

bool setup_set(char **slot, const char *text, struct err *err)
{
    char *copy = str_copy(text);
    if (copy == NULL) {
        return err_set(err, ERR_SYSTEM, "out of memory for the setup");
    }
    free(*slot);
    *slot = copy;
    return true;
}

bool setup_has_gap(const struct setup_facts *f, const char *placeholder)
{
    for (size_t i = 0; i < f->gap_count; i++) {
        if (strcmp(f->gaps[i].placeholder, placeholder) == 0) {
            return true;
        }
    }
    return false;
}

bool setup_gap(struct setup_facts *f, const char *placeholder, struct err *err, const char *how,
               ...)
{
    char text[GAP_TEXT_MAX];
    va_list args;

    if (placeholder[0] != '\0' && setup_has_gap(f, placeholder)) {
        return true;
    }
    va_start(args, how);
    (void)vsnprintf(text, sizeof text, how, args);
    va_end(args);
    for (char *c = text; *c != '\0'; c++) {
        if ((unsigned char)*c < ' ' || *c == 0x7F) {
            *c = ' '; /* one line, whatever a server said */
        }
    }
    char *name = str_copy(placeholder);
    char *sentence = str_copy(text);
    if (name == NULL || sentence == NULL || f->gap_count == SETUP_GAPS_MAX) {
        free(name);
        free(sentence);
        return err_set(err, ERR_SYSTEM, "out of memory for the setup");
    }
    f->gaps[f->gap_count++] = (struct setup_gap){.placeholder = name, .how = sentence};
    return true;
}

static void free_side(struct setup_side *s)
{
    char *texts[] = {s->identifier, s->host,     s->database,    s->user,
                     s->region,     s->account,  s->resource_id, s->secret_arn,
                     s->secret_key, s->file_key, s->spill_key,   s->spill_region};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        free(texts[i]);
    }
}

void setup_facts_free(struct setup_facts *f)
{
    char *texts[] = {f->partition, f->account, f->region, f->principal, f->principal_name};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        free(texts[i]);
    }
    for (size_t i = 0; i < SETUP_SIDES; i++) {
        free_side(&f->sides[i]);
    }
    for (size_t i = 0; i < f->gap_count; i++) {
        free(f->gaps[i].placeholder);
        free(f->gaps[i].how);
    }
    *f = (struct setup_facts){.partition = NULL};
}

const char *setup_role_name(const char *role_arn, char *path, size_t path_max)
{
    const char *role = strstr(role_arn, ":role/");
    const char *from = role == NULL ? role_arn : role + strlen(":role");
    const char *slash = strrchr(from, '/');

    (void)snprintf(path, path_max, "%.*s", slash == NULL ? 0 : (int)(slash - from) + 1, from);
    return slash == NULL ? from : slash + 1;
}

const char *setup_grantee(const struct setup_facts *f, const struct setup_side *side)
{
    return side->auth->role_arn != NULL ? side->auth->role_arn : f->principal;
}

/* Sets the digits of the account, which is the fifth part: an ARN with a placeholder in it is not
 * one for aws_arn_parse. */
static bool account_digits(const char *arn, char digits[16])
{
    const char *at = arn;
    for (int i = 0; i < 4 && at != NULL; i++) {
        at = strchr(at, ':');
        at = at == NULL ? NULL : at + 1;
    }
    size_t len = at == NULL ? 0 : strspn(at, "0123456789");
    (void)snprintf(digits, 16, "%.*s", (int)len, at == NULL ? "" : at);
    return len > 0 && len < 16 && at[len] == ':';
}

bool setup_other_account(const char *arn, const char *other_arn)
{
    char a[16];
    char b[16];
    return account_digits(arn, a) && account_digits(other_arn, b) && strcmp(a, b) != 0;
}

/* "assumed-role/NAME/SESSION": a session is not a principal that lasts, its role is. The path of
 * the role is not in the session's ARN. */
static bool set_role_principal(struct setup_facts *f, const struct aws_arn *arn, struct err *err)
{
    char role[128];
    char text[sizeof role + 128];
    const char *name = strchr(arn->resource, '/') + 1;

    (void)snprintf(role, sizeof role, "%.*s", (int)strcspn(name, "/"), name);
    (void)snprintf(text, sizeof text, "arn:%s:iam::%s:role/%s", arn->partition, arn->account, role);
    if (!setup_set(&f->principal, text, err)) {
        return false;
    }
    (void)snprintf(text, sizeof text, "role/%s", role);
    return setup_set(&f->principal_name, text, err);
}

bool setup_set_principal(struct setup_facts *f, const char *caller_arn, struct err *err)
{
    struct aws_arn arn;

    if (!aws_arn_parse(caller_arn, "the caller's ARN", &arn, err)) {
        return false;
    }
    if (strncmp(arn.resource, "assumed-role/", 13) == 0) {
        return set_role_principal(f, &arn, err);
    }
    if (!setup_set(&f->principal, caller_arn, err)) {
        return false;
    }
    if (strncmp(arn.resource, "user/", 5) != 0) {
        return setup_set(&f->principal_name, "", err);
    }
    char text[sizeof arn.resource + 8];
    (void)snprintf(text, sizeof text, "user/%s", strrchr(arn.resource, '/') + 1);
    return setup_set(&f->principal_name, text, err);
}

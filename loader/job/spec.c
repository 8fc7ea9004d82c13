#include "job/spec.h"

#include <stdlib.h>

static void side_auth_free(struct side_auth *a)
{
    free(a->secret);
    free(a->role_arn);
    free(a->external_id);
    text_list_free(&a->tags);
    free(a->iam_host);
    free(a->region);
    free(a->ca_file);
    free(a->password_kms);
    text_list_free(&a->context);
}

static void where_free(struct spec *spec)
{
    for (size_t i = 0; i < spec->where_count; i++) {
        free(spec->where[i].table);
        free(spec->where[i].expression);
    }
    free(spec->where);
}

void spec_free(struct spec *spec)
{
    if (spec == NULL) {
        return;
    }
    secret_free(&spec->source);
    secret_free(&spec->destination);
    secret_free(&spec->password);
    side_auth_free(&spec->source_auth);
    side_auth_free(&spec->destination_auth);
    side_auth_free(&spec->aws.auth);
    free(spec->aws_profile);
    free(spec->user_roots);
    free(spec->aws.host);
    free(spec->aws.user);
    free(spec->aws.out);
    free(spec->assess.out);
    text_list_free(&spec->tables);
    text_list_free(&spec->tables_out);
    text_list_free(&spec->schemas);
    text_list_free(&spec->schemas_out);
    where_free(spec);
    free(spec->config);
    table_rules_free(&spec->rules);
    free(spec->spill_dir);
    free(spec->schema.emit);
    free(spec->schema.bindir);
    free(spec->spill_key_file);
    free(spec->spill_kms_key);
    free(spec->job);
    free(spec->ledger_schema);
    *spec = (struct spec){0};
}

const char *load_mode_name(enum load_mode mode)
{
    static const char *const names[] = {
        [MODE_ERROR] = "error", [MODE_APPEND] = "append", [MODE_TRUNCATE] = "truncate"};
    return names[mode];
}

const char *format_choice_name(enum format_choice format)
{
    static const char *const names[] = {
        [FORMAT_AUTO] = "auto", [FORMAT_BINARY] = "binary", [FORMAT_TEXT] = "text"};
    return names[format];
}

const char *chunk_by_name(enum chunk_by by)
{
    static const char *const names[] = {
        [CHUNK_BY_AUTO] = "auto", [CHUNK_BY_TID] = "tid", [CHUNK_BY_KEY] = "key"};
    return names[by];
}

const char *triggers_choice_name(enum triggers_choice triggers)
{
    static const char *const names[] = {
        [TRIGGERS_DEFAULT] = "default",
        [TRIGGERS_KEEP] = "keep",
        [TRIGGERS_DISABLE] = "disable",
    };
    return names[triggers];
}

const char *compression_choice_name(enum compression_choice compression)
{
    static const char *const names[] = {
        [COMPRESSION_AUTO] = "auto",
        [COMPRESSION_OFF] = "off",
        [COMPRESSION_LEVEL] = "level",
    };
    return names[compression];
}

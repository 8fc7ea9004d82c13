/*
 * aws_calls: one JSON object a line in, one a line out: calls of AWS for a comparison with other
 * servers and clients. Settings and credentials come from the environment, as they always do.
 *
 *   {"call": "get_caller_identity"}
 *   {"call": "assume_role", "role": ARN, "session_name": ..., "external_id": ..., "tags": {...}}
 *   {"call": "assume_role_with_web_identity", "role": ARN, "token": ...}
 *   {"call": "get_secret", "id": ..., "stage": ..., "version": ...}
 *   {"call": "describe_secret", "id": ...}
 *   {"call": "decrypt", "ciphertext": BASE64, "key": ..., "context": {...}}
 *   {"call": "generate_data_key", "key": ..., "context": {...}}
 *   {"call": "describe_key", "key": ...}
 *   {"call": "find_database", "id": ...}
 *   {"call": "find_host", "host": ...}
 *   {"call": "credentials"}           what the default chain gives
 *   {"call": "plan", "profile": ...}  how a profile would get its credentials
 *
 * The answer has "error" and "kind" when it failed. Secrets stand in it: this is for tests only.
 */
#include "aws/base64.h"
#include "aws/credentials_profile.h"
#include "aws/identity.h"
#include "aws/json.h"
#include "aws/kms.h"
#include "aws/rds.h"
#include "aws/secrets_manager.h"
#include "aws/session.h"
#include "aws/sts.h"
#include "base/cleanup.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define LINE_MAX_BYTES 262144
#define TAGS_MAX       64
#define ENCODED_MAX    131072

struct client {
    struct aws_platform platform;
    struct aws_session session;
    struct aws_identity *identity;
    struct aws_caller caller;
};

static const char *text(const json_t *in, const char *key)
{
    return json_string_value(json_object_get(in, key));
}

static size_t read_tags(json_t *in, const char *key, struct aws_tag tags[TAGS_MAX])
{
    size_t count = 0;
    const char *name = NULL;
    json_t *value = NULL;

    json_object_foreach(json_object_get(in, key), name, value)
    {
        if (count < TAGS_MAX) {
            tags[count++] = (struct aws_tag){name, json_string_value(value)};
        }
    }
    return count;
}

static void put(json_t *out, const char *key, const char *value)
{
    (void)json_object_set_new(out, key, json_string(value));
}

static void put_bytes(json_t *out, const char *key, const void *bytes, size_t len)
{
    static char encoded[ENCODED_MAX];

    put(out, key, base64_encode(bytes, len, encoded, sizeof encoded) ? encoded : "too long");
}

static void put_credentials(json_t *out, const struct aws_credentials *c)
{
    put(out, "access_key_id", c->access_key_id);
    put(out, "secret_access_key", secret_reveal(&c->secret_access_key));
    put(out, "session_token", secret_reveal(&c->session_token));
    put(out, "account_id", c->account_id);
    put(out, "identity", c->identity);
    (void)json_object_set_new(out, "expires", json_integer(c->expires_s));
}

/* ---- STS ---- */

static bool get_caller_identity(struct client *client, json_t *in, json_t *out, struct err *err)
{
    struct aws_caller_identity who;

    (void)in;
    if (!aws_sts_get_caller_identity(&client->caller, &who, err)) {
        return false;
    }
    put(out, "arn", who.arn);
    put(out, "account", who.account);
    put(out, "user_id", who.user_id);
    return true;
}

static bool assume_role(struct client *client, json_t *in, json_t *out, struct err *err)
{
    CLEANUP(aws_credentials_free) struct aws_credentials got = {0};
    struct aws_tag tags[TAGS_MAX];
    const struct aws_role role = {
        .arn = text(in, "role"),
        .session_name = text(in, "session_name"),
        .external_id = text(in, "external_id"),
        .tags = tags,
        .tag_count = read_tags(in, "tags", tags),
    };

    if (!aws_sts_assume_role(&client->caller, &role, &got, err)) {
        return false;
    }
    put_credentials(out, &got);
    return true;
}

static bool assume_by_web(struct client *client, json_t *in, json_t *out, struct err *err)
{
    CLEANUP(aws_credentials_free) struct aws_credentials got = {0};
    CLEANUP(secret_free) struct secret token = {0};
    const struct aws_role role = {.arn = text(in, "role"),
                                  .session_name = text(in, "session_name")};

    if (!secret_set(&token, text(in, "token"), err) ||
        !aws_sts_assume_role_with_web_identity(&client->caller, &role, &token, &got, err)) {
        return false;
    }
    put_credentials(out, &got);
    return true;
}

/* ---- Secrets Manager ---- */

static bool get_secret(struct client *client, json_t *in, json_t *out, struct err *err)
{
    CLEANUP(aws_secret_version_free) struct aws_secret_version got = {.arn = ""};
    bool found = false;

    if (!aws_secret_get(&client->caller, text(in, "id"), text(in, "stage"), text(in, "version"),
                        &got, &found, err)) {
        return false;
    }
    (void)json_object_set_new(out, "found", json_boolean(found));
    put(out, "arn", got.arn);
    put(out, "version", got.version_id);
    put_bytes(out, "value", secret_reveal(&got.value), got.value.len);
    return true;
}

static bool describe_secret(struct client *client, json_t *in, json_t *out, struct err *err)
{
    struct aws_secret_description got;

    if (!aws_secret_describe(&client->caller, text(in, "id"), &got, err)) {
        return false;
    }
    put(out, "arn", got.arn);
    put(out, "name", got.name);
    put(out, "key", got.kms_key_id);
    (void)json_object_set_new(out, "rotates", json_boolean(got.rotates));
    (void)json_object_set_new(out, "deleted", json_boolean(got.deleted));
    return true;
}

/* ---- KMS ---- */

static bool decrypt(struct client *client, json_t *in, json_t *out, struct err *err)
{
    CLEANUP(secret_free) struct secret ciphertext = {0};
    CLEANUP(secret_free) struct secret plain = {0};
    struct aws_tag context[TAGS_MAX];
    size_t count = read_tags(in, "context", context);

    if (!aws_json_base64(in, "ciphertext", &ciphertext, NULL, err) ||
        !aws_kms_decrypt(&client->caller, text(in, "key"), secret_reveal(&ciphertext),
                         ciphertext.len, context, count, &plain, err)) {
        return false;
    }
    put_bytes(out, "plain", secret_reveal(&plain), plain.len);
    return true;
}

static bool generate_data_key(struct client *client, json_t *in, json_t *out, struct err *err)
{
    CLEANUP(aws_data_key_free) struct aws_data_key got = {.key_arn = ""};
    struct aws_tag context[TAGS_MAX];
    size_t count = read_tags(in, "context", context);

    if (!aws_kms_generate_data_key(&client->caller, text(in, "key"), context, count, &got, err)) {
        return false;
    }
    put(out, "key", got.key_arn);
    put_bytes(out, "plain", secret_reveal(&got.plaintext), got.plaintext.len);
    put_bytes(out, "ciphertext", got.ciphertext, got.ciphertext_len);
    return true;
}

static bool describe_key(struct client *client, json_t *in, json_t *out, struct err *err)
{
    struct aws_key_description got;

    if (!aws_kms_describe_key(&client->caller, text(in, "key"), &got, err)) {
        return false;
    }
    put(out, "arn", got.arn);
    put(out, "state", got.state);
    put(out, "usage", got.usage);
    (void)json_object_set_new(out, "enabled", json_boolean(got.enabled));
    (void)json_object_set_new(out, "managed_by_aws", json_boolean(got.managed_by_aws));
    return true;
}

/* ---- RDS ---- */

static void put_database(json_t *out, const struct aws_database *d)
{
    (void)json_object_set_new(out, "cluster", json_boolean(d->cluster));
    put(out, "id", d->id);
    put(out, "arn", d->arn);
    put(out, "endpoint", d->endpoint);
    put(out, "reader", d->reader);
    (void)json_object_set_new(out, "port", json_integer(d->port));
    put(out, "resource_id", d->resource_id);
    put(out, "engine", d->engine);
    put(out, "status", d->status);
    put(out, "master_secret_arn", d->master_secret_arn);
    (void)json_object_set_new(out, "iam_enabled", json_boolean(d->iam_enabled));
    (void)json_object_set_new(out, "limitless", json_boolean(d->limitless));
}

static bool find_database(struct client *client, json_t *in, json_t *out, struct err *err)
{
    struct aws_database got;

    if (!aws_rds_find(&client->caller, text(in, "id"), &got, err)) {
        return false;
    }
    put_database(out, &got);
    return true;
}

static bool find_host(struct client *client, json_t *in, json_t *out, struct err *err)
{
    struct aws_database got;
    bool found = false;

    if (!aws_rds_find_by_host(&client->caller, text(in, "host"), &got, &found, err)) {
        return false;
    }
    (void)json_object_set_new(out, "found", json_boolean(found));
    if (found) {
        put_database(out, &got);
    }
    return true;
}

/* ---- credentials ---- */

static bool credentials(struct client *client, json_t *in, json_t *out, struct err *err)
{
    CLEANUP(aws_credentials_free) struct aws_credentials got = {0};

    (void)in;
    if (!aws_identity_get(client->identity, &got, err)) {
        return false;
    }
    put_credentials(out, &got);
    return true;
}

static bool plan(struct client *client, json_t *in, json_t *out, struct err *err)
{
    static const char *const bases[] = {
        [PROFILE_NOTHING] = "nothing",   [PROFILE_KEYS] = "keys",
        [PROFILE_WEB_IDENTITY] = "web",  [PROFILE_ENVIRONMENT] = "environment",
        [PROFILE_INSTANCE] = "instance", [PROFILE_CONTAINER] = "container",
    };
    struct profile_plan made;
    json_t *roles = json_array();

    (void)json_object_set_new(out, "roles", roles);
    if (!profile_plan_make(&client->session.settings.profiles, text(in, "profile"), &made, err)) {
        return false;
    }
    put(out, "base", bases[made.base]);
    put(out, "base_profile", made.base_profile == NULL ? "" : made.base_profile->name);
    for (size_t i = 0; i < made.role_count; i++) {
        (void)json_array_append_new(roles, json_string(made.roles[i]->name));
    }
    return true;
}

/* ---- lines ---- */

static const struct {
    const char *name;
    bool (*run)(struct client *client, json_t *in, json_t *out, struct err *err);
} calls[] = {
    {"get_caller_identity",           get_caller_identity},
    {"assume_role",                   assume_role        },
    {"assume_role_with_web_identity", assume_by_web      },
    {"get_secret",                    get_secret         },
    {"describe_secret",               describe_secret    },
    {"decrypt",                       decrypt            },
    {"generate_data_key",             generate_data_key  },
    {"describe_key",                  describe_key       },
    {"find_database",                 find_database      },
    {"find_host",                     find_host          },
    {"credentials",                   credentials        },
    {"plan",                          plan               },
};

static bool run(struct client *client, json_t *in, json_t *out, struct err *err)
{
    const char *wanted = text(in, "call");

    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        if (wanted != NULL && strcmp(wanted, calls[i].name) == 0) {
            return calls[i].run(client, in, out, err);
        }
    }
    return err_set(err, ERR_USAGE, "no such call");
}

static void answer(struct client *client, const char *line)
{
    json_t *in = json_loads(line, 0, NULL);
    json_t *out = json_object();
    struct err err = {0};

    if (!run(client, in, out, &err)) {
        put(out, "error", err.msg);
        (void)json_object_set_new(out, "kind", json_integer((json_int_t)err.kind));
    }
    (void)json_dumpf(out, stdout, JSON_SORT_KEYS);
    (void)puts("");
    (void)fflush(stdout);
    json_decref(out);
    json_decref(in);
}

static bool start(struct client *client, struct err *err)
{
    if (!aws_platform_open(-1, &client->platform, err) ||
        !aws_session_open(&client->platform, NULL, NULL, &client->session, err) ||
        !aws_identity_chain(&client->session, &client->identity, err)) {
        return false;
    }
    client->caller = (struct aws_caller){.session = &client->session, .identity = client->identity};
    return true;
}

static void end(struct client *client)
{
    aws_identity_free(client->identity);
    aws_session_close(&client->session);
    aws_platform_close(&client->platform);
}

int main(void)
{
    static char line[LINE_MAX_BYTES];
    struct client client = {.identity = NULL};
    struct err err = {0};
    bool started = start(&client, &err);

    if (!started) {
        (void)printf("{\"error\": \"start\"}\n");
        (void)fprintf(stderr, "%s\n", err.msg);
    }
    while (started && fgets(line, sizeof line, stdin) != NULL) {
        answer(&client, line);
    }
    end(&client);
    return started && ferror(stdin) == 0 ? 0 : 1;
}

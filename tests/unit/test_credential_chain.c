/*
 * The default chain against recorded conversations: tests/vectors/credential-chain has a folder for
 * each, with the variables, the files, the requests and replies, and what must come out.
 */
#include "aws_fixture.h"

#include "base/buf.h"
#include "base/cleanup.h"

#include <dirent.h>
#include <sys/stat.h>

#define ROOT          "tests/vectors/credential-chain"
#define PATH_SIZE     600
#define CALLS_MAX     8
#define FILE_SIZE_MAX 65536

/*
 * What of a folder is not as recorded, and why:
 *
 *   - errors are another program's words: kind and part say ours;
 *   - the recordings were made anonymous by hand, and so some name a role, or have keys, that
 * differ from the folder's own variables, files and replies; role and signer say what must be sent;
 *   - IAM Identity Center, FIPS and dual-stack endpoints are refused, so nothing is sent for them.
 */
struct folder {
    const char *name;
    const char *part;      /* of the error's message */
    const char *role;      /* that is assumed first, where it differs from the recording */
    const char *signer;    /* the key id that AssumeRole is signed with */
    const char *identity;  /* a part of the text that says who it is */
    enum err_kind kind;    /* ERR_NONE: as the folder says */
    bool unsupported;      /* what the folder is about is refused */
    bool refused_at_start; /* by the settings, before a source is looked at */
};

#define GIVES(n, who)                  \
    {                                  \
        .name = (n), .identity = (who) \
    }
#define ASSUMES(n, first, key, who)                                      \
    {                                                                    \
        .name = (n), .role = (first), .signer = (key), .identity = (who) \
    }
#define FAILS(n, what, text)                        \
    {                                               \
        .name = (n), .kind = (what), .part = (text) \
    }
#define NO_SSO(n)                                                             \
    {                                                                         \
        .name = (n), .kind = ERR_USAGE, .unsupported = true,                  \
        .part = "profile sso-test signs in through IAM Identity Center (sso_" \
    }
#define NO_FIPS(n)                                                                     \
    {                                                                                  \
        .name = (n), .kind = ERR_USAGE, .unsupported = true, .refused_at_start = true, \
        .part = "AWS_USE_FIPS_ENDPOINT"                                                \
    }

static const struct folder folders[] = {
    NO_FIPS("e2e_fips_and_dual_stack_sso"),
    ASSUMES(
        "ecs_assume_role", NULL, "ASIARTEST",
        "role arn:aws:iam::130633740322:role/imds-chained-role-test (from the container's role)"),
    GIVES("ecs_credentials", "the container's role"),
    FAILS("eks_pod_identity_no_token_file", ERR_USAGE,
          "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: the file /token.jwt does not exist"),
    GIVES("environment_variables", "the environment"),
    ASSUMES("imds_assume_role", NULL, "ASIARSTSBASE",
            "(from the instance's role imds-assume-role-test)"),
    GIVES("imds_config_with_no_creds", "the instance's role imds-assume-role-test"),
    FAILS("imds_default_chain_error", ERR_AUTH,
          "instance metadata (no role is attached to this instance)"),
    GIVES("imds_default_chain_success", "the instance's role imds-assume-role-test"),
    FAILS("imds_disabled", ERR_AUTH, "instance metadata (turned off by AWS_EC2_METADATA_DISABLED)"),
    FAILS("imds_no_iam_role", ERR_AUTH,
          "profile default: its credential_source Ec2InstanceMetadata has no credentials: no role "
          "is attached to this instance"),
    GIVES("prefer_environment", "the environment"),
    GIVES("profile_name", "profile some-thing:long/the_one%only.foo@bar+"),
    GIVES("profile_static_keys", "profile default"),
    NO_SSO("sso_assume_role"),
    NO_SSO("sso_no_token_file"),
    NO_SSO("sso_server_error"),
    ASSUMES("web_identity_token_env", "arn:aws:iam::123456789012:role/test-role", NULL,
            "role arn:aws:iam::123456789012:role/test-role (web identity"),
    FAILS("web_identity_token_invalid_jwt", ERR_AUTH,
          "No OpenIDConnect provider found in your account"),
    ASSUMES("web_identity_token_profile", "arn:aws:iam::1234567890123:role/RoleA", NULL,
            "(web identity, from profile A)"),
    ASSUMES("web_identity_token_source_profile", "arn:aws:iam::123456789012:role/s3-reader",
            "ASIARABCDEFGHIJKLMNOP",
            "role arn:aws:iam::123456789:role/RoleA (from role arn:aws:iam::123456789012:role/"
            "s3-reader (web identity, from profile B))"),
};

/* ---- setting up ---- */

static json_t *load(const struct folder *folder, const char *file)
{
    char path[PATH_SIZE];

    (void)snprintf(path, sizeof(path), ROOT "/%s/%s", folder->name, file);
    return vectors_load(path);
}

static void add_variables(struct aws_world *w, const struct folder *folder)
{
    CLEANUP(vectors_drop) json_t *env = load(folder, "env.json");
    const char *name;
    json_t *text;

    json_object_foreach(env, name, text)
    {
        fake_platform_variable(w->fake, name, json_string_value(text));
    }
}

static void add_file(struct aws_world *w, const char *path, const char *name)
{
    CLEANUP_FILE FILE *in = fopen(path, "re");
    CLEANUP_FREE char *bytes = malloc(FILE_SIZE_MAX);

    assert_non_null(in);
    assert_non_null(bytes);
    size_t len = fread(bytes, 1, FILE_SIZE_MAX, in);
    assert_true(len < FILE_SIZE_MAX);
    fake_platform_file_bytes(w->fake, name, bytes, len);
}

struct tree {
    char paths[16][PATH_SIZE]; /* folders still to be looked at */
    size_t count;
};

/* One entry of a folder of fs/; offset: where the name within the fake's files begins. */
static void add_entry(struct aws_world *w, struct tree *tree, const char *folder, const char *name,
                      size_t offset)
{
    char path[PATH_SIZE];
    struct stat what;

    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
        return;
    }
    assert_true(snprintf(path, sizeof(path), "%s/%s", folder, name) < (int)sizeof(path));
    assert_int_equal(stat(path, &what), 0);
    if (S_ISDIR(what.st_mode)) {
        assert_true(tree->count < ARRAY_LEN(tree->paths));
        memcpy(tree->paths[tree->count++], path, sizeof(path));
    } else {
        add_file(w, path, path + offset);
    }
}

static void add_files(struct aws_world *w, const struct folder *folder)
{
    struct tree tree = {.count = 1};

    (void)snprintf(tree.paths[0], PATH_SIZE, ROOT "/%s/fs", folder->name);
    size_t offset = strlen(tree.paths[0]);
    while (tree.count > 0) {
        char here[PATH_SIZE];
        memcpy(here, tree.paths[--tree.count], sizeof(here));
        struct dirent **entries = NULL;
        int count = scandir(here, &entries, NULL, alphasort); /* -1: a folder without files */
        for (int i = 0; i < count; i++) {
            add_entry(w, &tree, here, entries[i]->d_name, offset);
            free(entries[i]);
        }
        free(entries);
    }
}

/* ---- the recorded traffic ---- */

struct call {
    json_t *request;
    json_t *response;
    const char *sent;     /* the request's body, "" if none */
    const char *answered; /* the reply's */
};

struct traffic {
    struct call calls[CALLS_MAX];
    size_t count;
};

static void read_event(struct traffic *t, json_t *event)
{
    json_t *action = json_object_get(event, "action");
    json_t *request = json_object_get(json_object_get(action, "Request"), "request");
    json_t *response = json_object_get(json_object_get(action, "Response"), "response");
    json_t *data = json_object_get(action, "Data");
    size_t at = (size_t)json_integer_value(json_object_get(event, "connection_id"));

    assert_true(at < CALLS_MAX);
    struct call *call = &t->calls[at];
    t->count = at + 1 > t->count ? at + 1 : t->count;
    if (request != NULL) {
        *call = (struct call){.request = request, .sent = "", .answered = ""};
    } else if (response != NULL) {
        call->response = json_object_get(response, "Ok");
    } else if (data != NULL) {
        const char *text = vector_text(json_object_get(data, "data"), "Utf8");
        bool ours = strcmp(vector_text(data, "direction"), "Request") == 0;
        *(ours ? &call->sent : &call->answered) = text;
    }
}

static const char *header_of(json_t *message, const char *name)
{
    json_t *values = json_object_get(json_object_get(message, "headers"), name);

    return json_string_value(json_array_get(values, 0));
}

/* The one header of a recorded request that a script can wait for. */
static void header_wanted(const struct call *call, char *out, size_t size)
{
    static const char *const names[] = {"x-aws-ec2-metadata-token",
                                        "x-aws-ec2-metadata-token-ttl-seconds"};
    bool is_signed = header_of(call->request, "authorization") != NULL;

    (void)snprintf(out, size, "%s", is_signed ? "Authorization:" : "!Authorization");
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const char *value = header_of(call->request, names[i]);
        if (value != NULL) {
            (void)snprintf(out, size, "%s: %s", names[i], value);
        }
    }
}

static void expect_call(struct aws_world *w, const struct call *call)
{
    char header[200];
    char headers[300];
    const char *type = header_of(call->response, "content-type");

    header_wanted(call, header, sizeof(header));
    (void)snprintf(headers, sizeof(headers), "Content-Type: %s", type);
    fake_platform_expect(
        w->fake, &(struct fake_reply){
                     .method = vector_text(call->request, "method"),
                     .url = vector_text(call->request, "uri"),
                     .header = header,
                     .status = (int)json_integer_value(json_object_get(call->response, "status")),
                     .headers = headers,
                     .body = call->answered});
}

/* The value of a field of a form, still encoded; "" when it is not there. */
static void field(const char *form, const char *name, char *out, size_t size)
{
    char start[100];

    (void)snprintf(start, sizeof(start), "%s=", name);
    const char *at = strstr(form, start);
    while (at != NULL && at != form && at[-1] != '&') {
        at = strstr(at + 1, start);
    }
    at = at == NULL ? "" : at + strlen(start);
    (void)snprintf(out, size, "%.*s", (int)strcspn(at, "&"), at);
}

/* "arn:aws:..." as a form has it. */
static void encode_arn(const char *arn, char *out, size_t size)
{
    size_t used = 0;

    for (; *arn != '\0' && used + 4 < size; arn++) {
        const char *code = *arn == ':' ? "%3A" : *arn == '/' ? "%2F" : NULL;
        if (code == NULL) {
            out[used++] = *arn;
        } else {
            memcpy(out + used, code, 3);
            used += 3;
        }
    }
    out[used] = '\0';
}

static void compare_field(const struct call *recorded, const struct fake_request *sent,
                          const char *name, const char *instead)
{
    char wanted[2048];
    char got[2048];

    field(recorded->sent, name, wanted, sizeof(wanted));
    field(sent->body, name, got, sizeof(got));
    if (instead != NULL) {
        encode_arn(instead, wanted, sizeof(wanted));
    }
    assert_string_equal(got, wanted);
}

static void compare_signer(const struct folder *folder, const struct fake_request *sent)
{
    char authorization[1000];
    char wanted[200];

    if (fake_request_header(sent, "Authorization", authorization, sizeof(authorization))) {
        (void)snprintf(wanted, sizeof(wanted), " Credential=%s/", folder->signer);
        assert_non_null(strstr(authorization, wanted));
    }
}

static void compare_sent(struct aws_world *w, const struct folder *folder, const struct traffic *t)
{
    unsigned role = 0;

    assert_int_equal(fake_platform_requests(w->fake), t->count);
    for (size_t i = 0; i < t->count; i++) {
        const struct fake_request *sent = fake_platform_request(w->fake, i);
        if (t->calls[i].sent[0] != '\0') {
            compare_field(&t->calls[i], sent, "Action", NULL);
            compare_field(&t->calls[i], sent, "Version", NULL);
            compare_field(&t->calls[i], sent, "RoleArn", role == 0 ? folder->role : NULL);
            compare_signer(folder, sent);
            role++;
        }
    }
}

/* ---- what comes out ---- */

/* Recorded credentials expired long ago; the clock is set to an hour before that. */
static void set_clock(struct aws_world *w, json_t *wanted)
{
    int64_t expiry_s = json_integer_value(json_object_get(wanted, "expiry"));

    if (expiry_s != 0) {
        fake_platform_set_wall_ms(w->fake, (expiry_s - 3600) * 1000);
    }
}

static void compare_text(json_t *wanted, const char *name, const char *got)
{
    const char *text = vector_text(wanted, name);

    assert_string_equal(got, text == NULL ? "" : text);
}

static void compare_result(const struct aws_world *w, json_t *wanted, const struct folder *folder)
{
    compare_text(wanted, "access_key_id", w->got.access_key_id);
    compare_text(wanted, "secret_access_key", secret_reveal(&w->got.secret_access_key));
    compare_text(wanted, "session_token", secret_reveal(&w->got.session_token));
    compare_text(wanted, "account_id", w->got.account_id);
    assert_int_equal(w->got.expires_s, json_integer_value(json_object_get(wanted, "expiry")));
    assert_non_null(folder->identity);
    if (strstr(w->got.identity, folder->identity) == NULL) {
        fail_msg("identity: %s", w->got.identity);
    }
}

static void run_chain(struct aws_world *w, const struct folder *folder, json_t *result)
{
    struct aws_identity *identity = NULL;

    assert_true(aws_identity_chain(&w->session, &identity, &w->err));
    bool ok = world_get(w, identity);
    if (folder->kind == ERR_NONE) {
        if (!ok) {
            fail_msg("%s", w->err.msg);
        }
        compare_result(w, json_object_get(result, "Ok"), folder);
    } else {
        assert_failed(w, ok, folder->kind, folder->part);
    }
    assert_int_equal(aws_identity_fetches(identity), 1);
    aws_identity_free(identity);
}

static void run_folder(struct aws_world *w, const struct folder *folder, json_t *result)
{
    if (folder->refused_at_start) {
        assert_failed(w,
                      aws_session_open(fake_platform_of(w->fake), NULL, NULL, &w->session, &w->err),
                      folder->kind, folder->part);
        return;
    }
    world_open(w, NULL);
    run_chain(w, folder, result);
}

static void check_folder(void **state)
{
    const struct folder *folder = *state;
    CLEANUP(vectors_drop) json_t *test = load(folder, "test-case.json");
    CLEANUP(vectors_drop) json_t *traffic = load(folder, "http-traffic.json");
    json_t *events = json_object_get(traffic, "events");
    json_t *result = json_object_get(test, "result");
    struct traffic t = {.count = 0};
    struct aws_world w;

    world_begin(&w);
    add_variables(&w, folder);
    add_files(&w, folder);
    set_clock(&w, json_object_get(result, "Ok"));
    for (size_t i = 0; i < json_array_size(events); i++) {
        read_event(&t, json_array_get(events, i));
    }
    t.count = folder->unsupported ? 0 : t.count;
    assert_true(folder->unsupported || folder->kind == ERR_NONE ||
                vector_text(result, "ErrorContains") != NULL);
    for (size_t i = 0; i < t.count; i++) {
        expect_call(&w, &t.calls[i]);
    }
    run_folder(&w, folder, result);
    compare_sent(&w, folder, &t);
    world_end(&w);
}

/* ---- the table itself ---- */

static bool in_table(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
        if (strcmp(folders[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static void every_folder_is_in_the_table(void **state)
{
    struct dirent **entries = NULL;
    int found = scandir(ROOT, &entries, NULL, alphasort);
    size_t count = 0;

    for (int i = 0; i < found; i++) {
        char path[PATH_SIZE];
        struct stat what;
        (void)snprintf(path, sizeof(path), ROOT "/%s/test-case.json", entries[i]->d_name);
        if (stat(path, &what) == 0) {
            count++;
            assert_true(in_table(entries[i]->d_name));
        }
        free(entries[i]);
    }
    free(entries);
    assert_int_equal(count, ARRAY_LEN(folders));
    (void)state;
}

int main(void)
{
    struct CMUnitTest tests[ARRAY_LEN(folders) + 1] = {
        cmocka_unit_test(every_folder_is_in_the_table),
    };
    struct folder states[ARRAY_LEN(folders)];

    memcpy(states, folders, sizeof(folders));
    for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
        tests[i + 1] = (struct CMUnitTest){
            .name = states[i].name, .test_func = check_folder, .initial_state = &states[i]};
    }
    return cmocka_run_group_tests_name("credential_chain", tests, NULL, NULL);
}

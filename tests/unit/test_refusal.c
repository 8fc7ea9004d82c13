/* refusal: each code, each status, each form in which an error comes. */
#include "unit.h"

#include "aws/refusal.h"
#include "base/cleanup.h"

#include <stdio.h>
#include <string.h>

struct class_row {
    const char *code;
    int status;
    enum refusal_class want;
};

/* Every code of the table, once. */
static struct class_row codes[] = {
    {"AccessDenied",                           400, REFUSAL_DENIED     },
    {"AccessDeniedException",                  400, REFUSAL_DENIED     },
    {"AuthFailure",                            400, REFUSAL_CREDENTIALS},
    {"BandwidthLimitExceeded",                 400, REFUSAL_THROTTLED  },
    {"DBClusterNotFoundFault",                 400, REFUSAL_MISSING    },
    {"DBInstanceNotFound",                     400, REFUSAL_MISSING    },
    {"DBInstanceNotFoundFault",                400, REFUSAL_MISSING    },
    {"DecryptionFailure",                      400, REFUSAL_DISABLED   },
    {"DependencyTimeoutException",             400, REFUSAL_TRANSIENT  },
    {"DisabledException",                      400, REFUSAL_DISABLED   },
    {"EC2ThrottledException",                  400, REFUSAL_THROTTLED  },
    {"ExpiredToken",                           400, REFUSAL_EXPIRED    },
    {"ExpiredTokenException",                  400, REFUSAL_EXPIRED    },
    {"IDPCommunicationError",                  400, REFUSAL_TRANSIENT  },
    {"IDPRejectedClaim",                       400, REFUSAL_DENIED     },
    {"IncompleteSignature",                    400, REFUSAL_CREDENTIALS},
    {"IncompleteSignatureException",           400, REFUSAL_CREDENTIALS},
    {"IncorrectKeyException",                  400, REFUSAL_MISSING    },
    {"InternalError",                          400, REFUSAL_TRANSIENT  },
    {"InternalFailure",                        400, REFUSAL_TRANSIENT  },
    {"InternalServerError",                    400, REFUSAL_TRANSIENT  },
    {"InternalServiceError",                   400, REFUSAL_TRANSIENT  },
    {"InternalServiceErrorException",          400, REFUSAL_TRANSIENT  },
    {"InvalidAccessKeyId",                     400, REFUSAL_CREDENTIALS},
    {"InvalidArnException",                    400, REFUSAL_MISSING    },
    {"InvalidCiphertextException",             400, REFUSAL_OTHER      },
    {"InvalidClientTokenId",                   400, REFUSAL_CREDENTIALS},
    {"InvalidGrantTokenException",             400, REFUSAL_OTHER      },
    {"InvalidIdentityToken",                   400, REFUSAL_CREDENTIALS},
    {"InvalidKeyUsageException",               400, REFUSAL_MISSING    },
    {"InvalidParameterException",              400, REFUSAL_OTHER      },
    {"InvalidParameterValue",                  400, REFUSAL_OTHER      },
    {"InvalidRequestException",                400, REFUSAL_MISSING    },
    {"InvalidSignatureException",              400, REFUSAL_CREDENTIALS},
    {"KMSInternalException",                   400, REFUSAL_TRANSIENT  },
    {"KMSInvalidStateException",               400, REFUSAL_DISABLED   },
    {"KeyUnavailableException",                400, REFUSAL_TRANSIENT  },
    {"LimitExceededException",                 400, REFUSAL_THROTTLED  },
    {"MalformedPolicyDocument",                400, REFUSAL_OTHER      },
    {"MissingAuthenticationToken",             400, REFUSAL_CREDENTIALS},
    {"MissingAuthenticationTokenException",    400, REFUSAL_CREDENTIALS},
    {"NotAuthorized",                          400, REFUSAL_DENIED     },
    {"NotFoundException",                      400, REFUSAL_MISSING    },
    {"OptInRequired",                          400, REFUSAL_DENIED     },
    {"PackedPolicyTooLarge",                   400, REFUSAL_OTHER      },
    {"PriorRequestNotComplete",                400, REFUSAL_THROTTLED  },
    {"ProvisionedThroughputExceededException", 400, REFUSAL_THROTTLED  },
    {"RegionDisabledException",                400, REFUSAL_DENIED     },
    {"RequestExpired",                         400, REFUSAL_CLOCK      },
    {"RequestInTheFuture",                     400, REFUSAL_CLOCK      },
    {"RequestLimitExceeded",                   400, REFUSAL_THROTTLED  },
    {"RequestThrottled",                       400, REFUSAL_THROTTLED  },
    {"RequestThrottledException",              400, REFUSAL_THROTTLED  },
    {"RequestTimeTooSkewed",                   400, REFUSAL_CLOCK      },
    {"RequestTimeout",                         400, REFUSAL_TRANSIENT  },
    {"RequestTimeoutException",                400, REFUSAL_TRANSIENT  },
    {"ResourceNotFoundException",              400, REFUSAL_MISSING    },
    {"ServiceUnavailable",                     400, REFUSAL_TRANSIENT  },
    {"ServiceUnavailableException",            400, REFUSAL_TRANSIENT  },
    {"SignatureDoesNotMatch",                  400, REFUSAL_CREDENTIALS},
    {"SlowDown",                               400, REFUSAL_THROTTLED  },
    {"ThrottledException",                     400, REFUSAL_THROTTLED  },
    {"Throttling",                             400, REFUSAL_THROTTLED  },
    {"ThrottlingException",                    400, REFUSAL_THROTTLED  },
    {"TooManyRequestsException",               400, REFUSAL_THROTTLED  },
    {"TransactionInProgressException",         400, REFUSAL_THROTTLED  },
    {"UnauthorizedOperation",                  400, REFUSAL_DENIED     },
    {"UnrecognizedClientException",            400, REFUSAL_CREDENTIALS},
    {"UnsupportedOperationException",          400, REFUSAL_OTHER      },
    {"ValidationError",                        400, REFUSAL_OTHER      },
    {"ValidationException",                    400, REFUSAL_OTHER      },
 /* What the table does not have goes by its status. */
    {"SomethingNew",                           400, REFUSAL_OTHER      },
    {"SomethingNew",                           403, REFUSAL_DENIED     },
    {"SomethingNew",                           500, REFUSAL_TRANSIENT  },
    {"accessdenied",                           400, REFUSAL_OTHER      },
    {"",                                       400, REFUSAL_OTHER      },
    {"",                                       401, REFUSAL_CREDENTIALS},
    {"",                                       403, REFUSAL_DENIED     },
    {"",                                       404, REFUSAL_OTHER      },
    {"",                                       408, REFUSAL_TRANSIENT  },
    {"",                                       429, REFUSAL_THROTTLED  },
    {"",                                       301, REFUSAL_OTHER      },
    {"",                                       500, REFUSAL_TRANSIENT  },
    {"",                                       502, REFUSAL_TRANSIENT  },
    {"",                                       503, REFUSAL_TRANSIENT  },
    {"",                                       504, REFUSAL_TRANSIENT  },
};

static void a_code_has_its_class(void **state)
{
    const struct class_row *row = *state;
    struct aws_refusal refusal = {.status = row->status};

    (void)snprintf(refusal.code, sizeof refusal.code, "%s", row->code);
    assert_int_equal(refusal_class(&refusal, 0), row->want);
}

struct clock_row {
    const char *code;
    const char *message;
    int64_t skew_ms;
    enum refusal_class want;
};

static void a_signature_may_be_about_the_clock(void **state)
{
    static const struct clock_row rows[] = {
        {"SignatureDoesNotMatch",       "Signature expired: x",         0,       REFUSAL_CLOCK      },
        {"SignatureDoesNotMatch",       "Signature not yet current: x", 0,       REFUSAL_CLOCK      },
        {"InvalidSignatureException",   "Signature expired: x",         0,       REFUSAL_CLOCK      },
        {"InvalidSignatureException",   "no match",                     0,       REFUSAL_CREDENTIALS},
        {"InvalidSignatureException",   "no match",                     240000,  REFUSAL_CREDENTIALS},
        {"InvalidSignatureException",   "no match",                     240001,  REFUSAL_CLOCK      },
        {"InvalidSignatureException",   "no match",                     -240000, REFUSAL_CREDENTIALS},
        {"InvalidSignatureException",   "no match",                     -240001, REFUSAL_CLOCK      },
        {"AuthFailure",                 "no match",                     240001,  REFUSAL_CLOCK      },
        {"AccessDenied",                "it has expired",               999999,  REFUSAL_DENIED     },
        {"UnrecognizedClientException", "expired",                      999999,  REFUSAL_CREDENTIALS},
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct aws_refusal refusal = {.status = 403};
        (void)snprintf(refusal.code, sizeof refusal.code, "%s", rows[i].code);
        (void)snprintf(refusal.message, sizeof refusal.message, "%s", rows[i].message);
        assert_int_equal(refusal_class(&refusal, rows[i].skew_ms), rows[i].want);
    }
}

static void a_class_has_its_kind(void **state)
{
    (void)state;
    assert_int_equal(refusal_kind(REFUSAL_DENIED), ERR_AUTH);
    assert_int_equal(refusal_kind(REFUSAL_CREDENTIALS), ERR_AUTH);
    assert_int_equal(refusal_kind(REFUSAL_EXPIRED), ERR_AUTH);
    assert_int_equal(refusal_kind(REFUSAL_CLOCK), ERR_AUTH);
    assert_int_equal(refusal_kind(REFUSAL_DISABLED), ERR_AUTH);
    assert_int_equal(refusal_kind(REFUSAL_THROTTLED), ERR_TRANSIENT);
    assert_int_equal(refusal_kind(REFUSAL_TRANSIENT), ERR_TRANSIENT);
    assert_int_equal(refusal_kind(REFUSAL_MISSING), ERR_USAGE);
    assert_int_equal(refusal_kind(REFUSAL_OTHER), ERR_USAGE);
}

struct read_row {
    const char *label;
    const char *error_type;
    const char *header_id;
    const char *body;
    const char *code;
    const char *message;
    const char *request_id;
};

static struct read_row read_rows[] = {
    {.label = "JSON with a namespace",
     .error_type = "",
     .header_id = "h",
     .body = "{\"__type\":\"com.amazonaws.kms#NotFoundException\",\"message\":\"m\"}",
     .code = "NotFoundException",
     .message = "m",
     .request_id = "h"},
    {.label = "JSON with Message",
     .error_type = "",
     .header_id = "",
     .body = "  {\"__type\":\"X\",\"Message\":\"m\"}",
     .code = "X",
     .message = "m",
     .request_id = "" },
    {.label = "JSON with code",
     .error_type = "",
     .header_id = "",
     .body = "{\"code\":\"X\"}",
     .code = "X",
     .message = "",
     .request_id = "" },
    {.label = "JSON with both",
     .error_type = "",
     .header_id = "",
     .body = "{\"__type\":\"X\",\"message\":\"m\",\"Message\":\"n\"}",
     .code = "X",
     .message = "m",
     .request_id = "" },
    {.label = "the header wins",
     .error_type = "aws.x#Y:http://internal/",
     .header_id = "",
     .body = "{\"__type\":\"X\",\"message\":\"m\"}",
     .code = "Y",
     .message = "m",
     .request_id = "" },
    {.label = "a hash after the colon is not one",
     .error_type = "Y:http://internal/#Z",
     .header_id = "",
     .body = "",
     .code = "Y",
     .message = "",
     .request_id = "" },
    {.label = "JSON of the wrong types",
     .error_type = "",
     .header_id = "",
     .body = "{\"__type\":7,\"message\":[\"m\"]}",
     .code = "",
     .message = "",
     .request_id = "" },
    {.label = "JSON that is none",
     .error_type = "",
     .header_id = "h",
     .body = "{\"__type\":\"X\"",
     .code = "",
     .message = "",
     .request_id = "h"},
    {.label = "JSON array",
     .error_type = "",
     .header_id = "",
     .body = "[]",
     .code = "",
     .message = "",
     .request_id = "" },
    {.label = "control characters",
     .error_type = "",
     .header_id = "",
     .body = "{\"__type\":\"X\",\"message\":\"a\\u0007b\\u00e9\\nsecond line\"}",
     .code = "X",
     .message = "a?b??",
     .request_id = "" },
    {.label = "XML of STS",
     .error_type = "",
     .header_id = "",
     .body = "<ErrorResponse "
             "xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type>"
             "<Code>AccessDenied</Code><Message>no</Message></Error><RequestId>r</RequestId></"
             "ErrorResponse>",                                                              .code = "AccessDenied",
     .message = "no",
     .request_id = "r"},
    {.label = "XML of the oldest",
     .error_type = "",
     .header_id = "",
     .body =
         "<Response><Errors><Error><Code>C</Code><Message>m</Message></Error></Errors><RequestID>r"
         "</RequestID></Response>",                                                         .code = "C",
     .message = "m",
     .request_id = "r"},
    {.label = "a bare error",
     .error_type = "",
     .header_id = "h",
     .body = "\n<Error><Code>C</Code><Message>m</Message><RequestId>r</RequestId></Error>",
     .code = "C",
     .message = "m",
     .request_id = "h"},
    {.label = "XML with an empty message",
     .error_type = "",
     .header_id = "",
     .body = "<ErrorResponse><Error><Code>C</Code><Message/></Error></ErrorResponse>",
     .code = "C",
     .message = "",
     .request_id = "" },
    {.label = "HTML",
     .error_type = "",
     .header_id = "",
     .body = "<html><body>Forbidden</body></html>",
     .code = "",
     .message = "",
     .request_id = "" },
    {.label = "XML that is none",
     .error_type = "",
     .header_id = "",
     .body = "<ErrorResponse><Error>",
     .code = "",
     .message = "",
     .request_id = "" },
    {.label = "nothing",
     .error_type = "",
     .header_id = "",
     .body = "",
     .code = "",
     .message = "",
     .request_id = "" },
    {.label = "text",
     .error_type = "",
     .header_id = "",
     .body = "upstream connect error",
     .code = "",
     .message = "",
     .request_id = "" },
};

static void both_forms_are_read(void **state)
{
    const struct read_row *row = *state;
    CLEANUP(http_reply_free) struct http_reply reply = {.status = 400};
    struct aws_refusal refusal;
    struct err err = {0};

    (void)snprintf(reply.error_type, sizeof reply.error_type, "%s", row->error_type);
    (void)snprintf(reply.request_id, sizeof reply.request_id, "%s", row->header_id);
    assert_true(secret_set(&reply.body, row->body, &err));
    memset(&refusal, 'x', sizeof refusal);
    refusal_read(&reply, &refusal);
    assert_int_equal(refusal.status, 400);
    assert_string_equal(refusal.code, row->code);
    assert_string_equal(refusal.message, row->message);
    assert_string_equal(refusal.request_id, row->request_id);
}

static void long_texts_are_cut(void **state)
{
    CLEANUP(http_reply_free) struct http_reply reply = {.status = 400};
    struct aws_refusal refusal;
    char body[4096];
    char name[600];
    struct err err = {0};
    (void)state;

    memset(name, 'n', sizeof name);
    name[sizeof name - 1] = '\0';
    (void)snprintf(body, sizeof body, "{\"__type\":\"%s\",\"message\":\"%s\"}", name, name);
    assert_true(secret_set(&reply.body, body, &err));
    refusal_read(&reply, &refusal);
    assert_int_equal(strlen(refusal.code), sizeof refusal.code - 1);
    assert_int_equal(strlen(refusal.message), sizeof refusal.message - 1);
    (void)snprintf(reply.error_type, sizeof reply.error_type, "%.100s#Short:%.100s", name, name);
    refusal_read(&reply, &refusal);
    assert_string_equal(refusal.code, "Short");
}

int main(void)
{
    struct CMUnitTest tests[160] = {
        cmocka_unit_test(a_signature_may_be_about_the_clock),
        cmocka_unit_test(a_class_has_its_kind),
        cmocka_unit_test(long_texts_are_cut),
    };
    size_t count = 3;

    for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
        tests[count++] =
            (struct CMUnitTest){codes[i].code, a_code_has_its_class, NULL, NULL, &codes[i]};
    }
    for (size_t i = 0; i < ARRAY_LEN(read_rows); i++) {
        tests[count++] =
            (struct CMUnitTest){read_rows[i].label, both_forms_are_read, NULL, NULL, &read_rows[i]};
    }
    return _cmocka_run_group_tests("refusal", tests, count, NULL, NULL);
}

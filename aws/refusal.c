#include "aws/refusal.h"

#include "aws/json.h"
#include "aws/xml.h"
#include "base/cleanup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLOCK_LEEWAY_MS INT64_C(240000) /* the services allow five minutes */

struct refusal_row {
    const char *code;
    enum refusal_class class;
};

/* Sorted by strcmp. */
static const struct refusal_row refusals[] = {
    {"AccessDenied",                           REFUSAL_DENIED     },
    {"AccessDeniedException",                  REFUSAL_DENIED     },
    {"AuthFailure",                            REFUSAL_CREDENTIALS},
    {"BandwidthLimitExceeded",                 REFUSAL_THROTTLED  },
    {"DBClusterNotFoundFault",                 REFUSAL_MISSING    },
    {"DBInstanceNotFound",                     REFUSAL_MISSING    },
    {"DBInstanceNotFoundFault",                REFUSAL_MISSING    },
    {"DecryptionFailure",                      REFUSAL_DISABLED   },
    {"DependencyTimeoutException",             REFUSAL_TRANSIENT  },
    {"DisabledException",                      REFUSAL_DISABLED   },
    {"EC2ThrottledException",                  REFUSAL_THROTTLED  },
    {"ExpiredToken",                           REFUSAL_EXPIRED    },
    {"ExpiredTokenException",                  REFUSAL_EXPIRED    },
    {"IDPCommunicationError",                  REFUSAL_TRANSIENT  },
    {"IDPRejectedClaim",                       REFUSAL_DENIED     },
    {"IncompleteSignature",                    REFUSAL_CREDENTIALS},
    {"IncompleteSignatureException",           REFUSAL_CREDENTIALS},
    {"IncorrectKeyException",                  REFUSAL_MISSING    },
    {"InternalError",                          REFUSAL_TRANSIENT  },
    {"InternalFailure",                        REFUSAL_TRANSIENT  },
    {"InternalServerError",                    REFUSAL_TRANSIENT  },
    {"InternalServiceError",                   REFUSAL_TRANSIENT  },
    {"InternalServiceErrorException",          REFUSAL_TRANSIENT  },
    {"InvalidAccessKeyId",                     REFUSAL_CREDENTIALS},
    {"InvalidArnException",                    REFUSAL_MISSING    },
    {"InvalidCiphertextException",             REFUSAL_OTHER      },
    {"InvalidClientTokenId",                   REFUSAL_CREDENTIALS},
    {"InvalidGrantTokenException",             REFUSAL_OTHER      },
    {"InvalidIdentityToken",                   REFUSAL_CREDENTIALS},
    {"InvalidKeyUsageException",               REFUSAL_MISSING    },
    {"InvalidParameterException",              REFUSAL_OTHER      },
    {"InvalidParameterValue",                  REFUSAL_OTHER      },
    {"InvalidRequestException",                REFUSAL_MISSING    },
    {"InvalidSignatureException",              REFUSAL_CREDENTIALS},
    {"KMSInternalException",                   REFUSAL_TRANSIENT  },
    {"KMSInvalidStateException",               REFUSAL_DISABLED   },
    {"KeyUnavailableException",                REFUSAL_TRANSIENT  },
    {"LimitExceededException",                 REFUSAL_THROTTLED  },
    {"MalformedPolicyDocument",                REFUSAL_OTHER      },
    {"MissingAuthenticationToken",             REFUSAL_CREDENTIALS},
    {"MissingAuthenticationTokenException",    REFUSAL_CREDENTIALS},
    {"NotAuthorized",                          REFUSAL_DENIED     },
    {"NotFoundException",                      REFUSAL_MISSING    },
    {"OptInRequired",                          REFUSAL_DENIED     },
    {"PackedPolicyTooLarge",                   REFUSAL_OTHER      },
    {"PriorRequestNotComplete",                REFUSAL_THROTTLED  },
    {"ProvisionedThroughputExceededException", REFUSAL_THROTTLED  },
    {"RegionDisabledException",                REFUSAL_DENIED     },
    {"RequestExpired",                         REFUSAL_CLOCK      },
    {"RequestInTheFuture",                     REFUSAL_CLOCK      },
    {"RequestLimitExceeded",                   REFUSAL_THROTTLED  },
    {"RequestThrottled",                       REFUSAL_THROTTLED  },
    {"RequestThrottledException",              REFUSAL_THROTTLED  },
    {"RequestTimeTooSkewed",                   REFUSAL_CLOCK      },
    {"RequestTimeout",                         REFUSAL_TRANSIENT  },
    {"RequestTimeoutException",                REFUSAL_TRANSIENT  },
    {"ResourceNotFoundException",              REFUSAL_MISSING    },
    {"ServiceUnavailable",                     REFUSAL_TRANSIENT  },
    {"ServiceUnavailableException",            REFUSAL_TRANSIENT  },
    {"SignatureDoesNotMatch",                  REFUSAL_CREDENTIALS},
    {"SlowDown",                               REFUSAL_THROTTLED  },
    {"ThrottledException",                     REFUSAL_THROTTLED  },
    {"Throttling",                             REFUSAL_THROTTLED  },
    {"ThrottlingException",                    REFUSAL_THROTTLED  },
    {"TooManyRequestsException",               REFUSAL_THROTTLED  },
    {"TransactionInProgressException",         REFUSAL_THROTTLED  },
    {"UnauthorizedOperation",                  REFUSAL_DENIED     },
    {"UnrecognizedClientException",            REFUSAL_CREDENTIALS},
    {"UnsupportedOperationException",          REFUSAL_OTHER      },
    {"ValidationError",                        REFUSAL_OTHER      },
    {"ValidationException",                    REFUSAL_OTHER      },
};

/* What a person can read: one line, so that the canonical request, which the services repeat in
 * later lines of a signature refusal and which has the session token in it, stays out. */
static void copy_text(char *out, size_t size, const char *text)
{
    size_t len = strcspn(text, "\r\n");

    len = len < size ? len : size - 1;
    for (size_t i = 0; i < len; i++) {
        bool visible = text[i] >= ' ' && text[i] <= '~';
        out[i] = (char)(visible ? text[i] : '?');
    }
    out[len] = '\0';
}

/* "com.amazonaws.x#Code", "aws.protocols#Code:http://...", "Code:http://..." */
static void copy_code(char *out, size_t size, const char *text)
{
    char bare[sizeof((struct aws_refusal *)0)->code] = "";
    size_t end = strcspn(text, ":");
    const char *hash = memchr(text, '#', end);
    const char *start = hash == NULL ? text : hash + 1;
    size_t len = end - (size_t)(start - text);

    (void)snprintf(bare, sizeof bare, "%.*s", (int)(len < sizeof bare ? len : sizeof bare), start);
    copy_text(out, size, bare);
}

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text == NULL ? "" : text;
}

static void read_json(const struct http_reply *reply, struct aws_refusal *out)
{
    CLEANUP(aws_json_free) json_t *root = NULL;
    struct err ignored = {0};

    if (!aws_json_parse(secret_reveal(&reply->body), reply->body.len, &root, &ignored)) {
        return;
    }
    const char *message = text_of(root, "message");
    copy_text(out->message, sizeof out->message,
              message[0] != '\0' ? message : text_of(root, "Message"));
    if (out->code[0] == '\0') {
        const char *type = text_of(root, "__type");
        copy_code(out->code, sizeof out->code, type[0] != '\0' ? type : text_of(root, "code"));
    }
}

/* <ErrorResponse><Error>... of STS and RDS, <Response><Errors><Error>... of the oldest services,
 * and a bare <Error>. */
static void read_xml(const struct http_reply *reply, struct aws_refusal *out)
{
    static const char *const errors[] = {"Error", "Errors/Error", ""};
    static const char *const ids[] = {"RequestId", "RequestID", "Error/RequestId"};
    CLEANUP(xml_free) struct xml_node *root = NULL;
    struct err ignored = {0};

    if (!xml_parse(secret_reveal(&reply->body), reply->body.len, &root, &ignored)) {
        return;
    }
    for (size_t i = 0; i < 3 && out->code[0] == '\0'; i++) {
        const struct xml_node *error = xml_find(root, errors[i]);
        copy_code(out->code, sizeof out->code, xml_text(error, "Code"));
        copy_text(out->message, sizeof out->message, xml_text(error, "Message"));
    }
    for (size_t i = 0; i < 3 && out->request_id[0] == '\0'; i++) {
        copy_text(out->request_id, sizeof out->request_id, xml_text(root, ids[i]));
    }
}

void refusal_read(const struct http_reply *reply, struct aws_refusal *out)
{
    const char *body = secret_reveal(&reply->body);
    struct aws_refusal read = {.status = reply->status};

    copy_code(read.code, sizeof read.code, reply->error_type);
    copy_text(read.request_id, sizeof read.request_id, reply->request_id);
    body += strspn(body, " \t\r\n");
    if (*body == '{') {
        read_json(reply, &read);
    } else if (*body == '<') {
        read_xml(reply, &read);
    }
    *out = read;
}

static int compare_code(const void *code, const void *row)
{
    return strcmp(code, ((const struct refusal_row *)row)->code);
}

static enum refusal_class class_of_status(int status)
{
    if (status == 429) {
        return REFUSAL_THROTTLED;
    }
    if (status >= 500 || status == 408) {
        return REFUSAL_TRANSIENT;
    }
    if (status == 401) {
        return REFUSAL_CREDENTIALS;
    }
    return status == 403 ? REFUSAL_DENIED : REFUSAL_OTHER;
}

/* A signature with a time in it is refused as a wrong one when that time is far from theirs. */
static bool is_about_clock(const struct aws_refusal *refusal, int64_t skew_ms)
{
    if (strcmp(refusal->code, "AuthFailure") != 0 &&
        strcmp(refusal->code, "InvalidSignatureException") != 0 &&
        strcmp(refusal->code, "SignatureDoesNotMatch") != 0) {
        return false;
    }
    return skew_ms > CLOCK_LEEWAY_MS || skew_ms < -CLOCK_LEEWAY_MS ||
           strstr(refusal->message, "expired") != NULL ||
           strstr(refusal->message, "not yet current") != NULL;
}

enum refusal_class refusal_class(const struct aws_refusal *refusal, int64_t skew_ms)
{
    const struct refusal_row *row = bsearch(
        refusal->code, refusals, sizeof refusals / sizeof refusals[0], sizeof *row, compare_code);

    if (row == NULL) {
        return class_of_status(refusal->status);
    }
    return is_about_clock(refusal, skew_ms) ? REFUSAL_CLOCK : row->class;
}

enum err_kind refusal_kind(enum refusal_class c)
{
    switch (c) {
    case REFUSAL_THROTTLED:
    case REFUSAL_TRANSIENT:
        return ERR_TRANSIENT;
    case REFUSAL_MISSING:
    case REFUSAL_OTHER:
        return ERR_USAGE;
    case REFUSAL_DENIED:
    case REFUSAL_CREDENTIALS:
    case REFUSAL_EXPIRED:
    case REFUSAL_CLOCK:
    case REFUSAL_DISABLED:
        break;
    }
    return ERR_AUTH;
}

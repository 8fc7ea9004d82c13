/* conceal.h: nobody promises that a service, or what stands before it, does not send back what it
 * was sent: is a part of a secret in a text that a person is to read? Pure. */
#ifndef AWS_CONCEAL_H
#define AWS_CONCEAL_H

#include "base/secret.h"

#include <stdbool.h>

/* Has text so many bytes of the secret in a row, or all of it when it is shorter? */
#define CONCEAL_BYTES 16
bool conceal_found(const char *text, const struct secret *secret);

#endif

/*
 * environment.h: secrets that the program was given in its environment. They are moved out of it:
 * the bytes are overwritten where they stood, so that /proc, children and cores do not have them.
 *
 * Before any other thread exists, as all that changes the environment.
 */
#ifndef CLI_ENVIRONMENT_H
#define CLI_ENVIRONMENT_H

#include "base/secret.h"

/* Moves PGPASSWORD into *password, which is emptied when there is none. After this libpq does not
 * see it any more; whoever connects has to hand it over. ERR_SYSTEM without memory. */
bool environment_take_password(struct secret *password, struct err *err) MUST_CHECK;

/* Overwrites the value of a variable that was read, and removes it. Not set: nothing happens. */
void environment_forget(const char *name);

#endif

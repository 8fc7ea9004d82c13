/* env.h: the process's own environment; the only reader of it under aws/. */
#ifndef AWS_ENV_H
#define AWS_ENV_H

/*
 * Variables with a secret in them (AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN,
 * AWS_CONTAINER_AUTHORIZATION_TOKEN) are moved out of the environment by aws_env_open, which
 * overwrites them where they stood, so that no child has them and /proc does not show them.
 * aws_env_get gives them still, until aws_env_close; then they are gone for good. Without memory
 * for a copy, a variable stays where it is. Open and close while there is one thread; opening again
 * takes in what was set since. Getting is thread-safe.
 */
void aws_env_open(void);
void aws_env_close(void); /* wipes */
/* NULL when not set. Borrowed until aws_env_close. */
const char *aws_env_get(const char *name);

#endif

/* aws_setup_shell.h: the fixed parts of apply.sh and cleanup.sh: lines, ended by NULL. */
#ifndef CLI_AWS_SETUP_SHELL_H
#define CLI_AWS_SETUP_SHELL_H

extern const char *const setup_shell_common[];
extern const char *const setup_apply_head[];
extern const char *const setup_apply_functions[];
extern const char *const setup_cleanup_head[];
extern const char *const setup_cleanup_functions[];

#endif

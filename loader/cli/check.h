/* check.h: "sluice check": everything that a load with the same options needs, looked at
 * beforehand. Changes nothing on either side. */
#ifndef CLI_CHECK_H
#define CLI_CHECK_H

/* argv[0] is the first word after "check". Returns an exit status: 0 when nothing stands in the
 * way of a load, else that of the first blocker's kind. */
int command_check(int argc, char **argv);

#endif

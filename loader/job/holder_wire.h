/* holder_wire.h: what travels between the loader and its snapshot holder. Both are one program, so
 * there is no version: an 8-byte length in host order, then the fields, each ended by a NUL.
 * Back comes one line: "ready SNAPSHOT_ID BACKEND_PID", "error KIND MESSAGE", or with the same
 * fields "refused" when the source did not take the password. */
#ifndef JOB_HOLDER_WIRE_H
#define JOB_HOLDER_WIRE_H

enum holder_field {
    HOLDER_CONNINFO,
    HOLDER_APPLICATION,
    HOLDER_ENCODING,
    HOLDER_SNAPSHOT,
    HOLDER_VISIBLE,
    HOLDER_SYSTEM,
    HOLDER_STARTED,
    HOLDER_HOLD_MS,
    HOLDER_LOCKS,
    HOLDER_FIELDS
};

#define HOLDER_ORDER_MAX (64u << 20) /* mostly the lock statements: some 500,000 tables */
#define HOLDER_REFUSED   "refused"
#define HOLDER_GO        "q" /* the loader's last word: no need to hold any longer */

#endif

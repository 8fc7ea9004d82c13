#include "cli/print_sql.h"

#include "job/ledger.h"
#include "pg/pg.h"

/* Every schema of the user's, so that it need not be known here which there are. */
static void add_grants(const char *role, const char *tables, const char *sequences, struct buf *out)
{
    buf_printf(out,
               "DO $sluice$\n"
               "DECLARE s text;\n"
               "BEGIN\n"
               "  FOR s IN SELECT quote_ident(nspname) FROM pg_namespace\n"
               "           WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' LOOP\n"
               "    EXECUTE format('GRANT USAGE ON SCHEMA %%s TO %s', s);\n"
               "    EXECUTE format('GRANT %s ON ALL TABLES IN SCHEMA %%s TO %s', s);\n"
               "    EXECUTE format('GRANT %s ON ALL SEQUENCES IN SCHEMA %%s TO %s', s);\n"
               "  END LOOP;\n"
               "END\n"
               "$sluice$;\n",
               role, tables, role, sequences, role);
}

static void add_ledger(const struct spec *spec, struct buf *out)
{
    buf_puts(out, "-- The ledger, which says what is committed:\nCREATE SCHEMA IF NOT EXISTS ");
    pg_add_ident(out, spec->ledger_schema);
    buf_puts(out, ";\n");
    ledger_ddl(spec->ledger_schema, out);
    buf_puts(out, "GRANT USAGE ON SCHEMA ");
    pg_add_ident(out, spec->ledger_schema);
    buf_puts(out, " TO sluice_destination;\n"
                  "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ");
    pg_add_ident(out, spec->ledger_schema);
    buf_puts(out, " TO sluice_destination;\n");
}

void print_sql(const struct spec *spec, struct buf *out)
{
    buf_puts(out, "-- Run each part on its server, in the database to load, as an administrator.\n"
                  "-- Then set a password for each role, or let it log in some other way.\n"
                  "\n"
                  "-- On the source\n"
                  "CREATE ROLE sluice_source LOGIN;\n");
    add_grants("sluice_source", "SELECT", "SELECT", out);
    buf_puts(out, "\n"
                  "-- On the destination\n"
                  "CREATE ROLE sluice_destination LOGIN;\n");
    add_grants("sluice_destination", spec->mode == MODE_TRUNCATE ? "INSERT, TRUNCATE" : "INSERT",
               "SELECT, UPDATE", out);
    buf_puts(out, "-- With this, foreign keys and triggers can be left aside while rows go in\n"
                  "-- (PostgreSQL 15 and later; without it they stay in force):\n"
                  "-- GRANT SET ON PARAMETER session_replication_role TO sluice_destination;\n");
    add_ledger(spec, out);
}

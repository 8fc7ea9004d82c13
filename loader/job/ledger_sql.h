/*
 * ledger_sql.h: the ledger's tables, as SQL. Printed by --print-sql and run at the first load.
 *
 * %1$s stands for the quoted schema. Plain types, primary keys, no identity, no storage
 * parameters, no sequences: on Aurora Limitless these become standard tables.
 */
#ifndef JOB_LEDGER_SQL_H
#define JOB_LEDGER_SQL_H

#define LEDGER_VERSION 1

#define LEDGER_DDL                                   \
    "CREATE TABLE IF NOT EXISTS %1$s.job (\n"        \
    "  job text PRIMARY KEY,\n"                      \
    "  version int NOT NULL,\n"                      \
    "  spec jsonb NOT NULL,\n"                       \
    "  state text NOT NULL,\n"                       \
    "  source_system text NOT NULL,\n"               \
    "  source_database text NOT NULL,\n"             \
    "  destination_database text NOT NULL,\n"        \
    "  snapshot_no int NOT NULL,\n"                  \
    "  truncate_done boolean NOT NULL,\n"            \
    "  created_at timestamptz NOT NULL,\n"           \
    "  finished_at timestamptz);\n"                  \
    "CREATE TABLE IF NOT EXISTS %1$s.snapshot (\n"   \
    "  job text NOT NULL,\n"                         \
    "  snapshot_no int NOT NULL,\n"                  \
    "  snapshot_id text NOT NULL,\n"                 \
    "  visible text NOT NULL,\n"                     \
    "  system_identifier text NOT NULL,\n"           \
    "  server_started text NOT NULL,\n"              \
    "  holder_pid int NOT NULL,\n"                   \
    "  taken_at timestamptz NOT NULL,\n"             \
    "  PRIMARY KEY (job, snapshot_no));\n"           \
    "CREATE TABLE IF NOT EXISTS %1$s.job_table (\n"  \
    "  job text NOT NULL,\n"                         \
    "  table_no int NOT NULL,\n"                     \
    "  source_schema text NOT NULL,\n"               \
    "  source_name text NOT NULL,\n"                 \
    "  destination_schema text NOT NULL,\n"          \
    "  destination_name text NOT NULL,\n"            \
    "  source_columns text NOT NULL,\n"              \
    "  destination_columns text NOT NULL,\n"         \
    "  format text NOT NULL,\n"                      \
    "  split_key text NOT NULL,\n"                   \
    "  filter text NOT NULL,\n"                      \
    "  filenode bigint NOT NULL,\n"                  \
    "  bytes bigint NOT NULL,\n"                     \
    "  level int NOT NULL,\n"                        \
    "  found_empty boolean NOT NULL,\n"              \
    "  snapshot_no int NOT NULL,\n"                  \
    "  PRIMARY KEY (job, table_no));\n"              \
    "CREATE TABLE IF NOT EXISTS %1$s.chunk (\n"      \
    "  job text NOT NULL,\n"                         \
    "  table_no int NOT NULL,\n"                     \
    "  chunk_no int NOT NULL,\n"                     \
    "  kind text NOT NULL,\n"                        \
    "  lower_bound text,\n"                          \
    "  upper_bound text,\n"                          \
    "  bytes bigint NOT NULL,\n"                     \
    "  PRIMARY KEY (job, table_no, chunk_no));\n"    \
    "CREATE TABLE IF NOT EXISTS %1$s.chunk_done (\n" \
    "  job text NOT NULL,\n"                         \
    "  table_no int NOT NULL,\n"                     \
    "  chunk_no int NOT NULL,\n"                     \
    "  rows bigint NOT NULL,\n"                      \
    "  bytes bigint NOT NULL,\n"                     \
    "  snapshot_no int NOT NULL,\n"                  \
    "  worker text NOT NULL,\n"                      \
    "  started_at timestamptz NOT NULL,\n"           \
    "  finished_at timestamptz,\n"                   \
    "  PRIMARY KEY (job, table_no, chunk_no));\n"    \
    "CREATE TABLE IF NOT EXISTS %1$s.lease (\n"      \
    "  job text PRIMARY KEY,\n"                      \
    "  token text NOT NULL,\n"                       \
    "  pid int NOT NULL,\n"                          \
    "  backend_start text NOT NULL,\n"               \
    "  router text NOT NULL,\n"                      \
    "  client text NOT NULL,\n"                      \
    "  renewed_at timestamptz NOT NULL,\n"           \
    "  expires_at timestamptz NOT NULL);\n"          \
    "CREATE TABLE IF NOT EXISTS %1$s.event (\n"      \
    "  job text NOT NULL,\n"                         \
    "  at timestamptz NOT NULL,\n"                   \
    "  token text NOT NULL,\n"                       \
    "  what text NOT NULL,\n"                        \
    "  detail text NOT NULL,\n"                      \
    "  PRIMARY KEY (job, at, token, what));\n"

#endif

-- What is made by hand on the shard group when the rows are there; docs/migration.md says why.
\set ON_ERROR_STOP 1

-- Foreign keys between collocated tables, with the shard key on both sides. Each of them also proves that a row
-- and its parent have the same key.
ALTER TABLE desk.tickets
    ADD CONSTRAINT tickets_requester_id_fkey FOREIGN KEY (tenant_id, requester_id) REFERENCES desk.users (tenant_id, id);
ALTER TABLE desk.tickets
    ADD CONSTRAINT tickets_assignee_id_fkey FOREIGN KEY (tenant_id, assignee_id) REFERENCES desk.users (tenant_id, id);
ALTER TABLE desk.tickets
    ADD CONSTRAINT tickets_team_id_fkey FOREIGN KEY (tenant_id, team_id) REFERENCES desk.teams (tenant_id, id);
ALTER TABLE desk.tickets
    ADD CONSTRAINT tickets_sla_policy_id_fkey FOREIGN KEY (tenant_id, sla_policy_id)
        REFERENCES desk.sla_policies (tenant_id, id);
ALTER TABLE desk.tickets
    ADD CONSTRAINT tickets_merged_into_fkey FOREIGN KEY (tenant_id, merged_into) REFERENCES desk.tickets (tenant_id, id);
ALTER TABLE desk.messages
    ADD CONSTRAINT messages_ticket_id_fkey FOREIGN KEY (tenant_id, ticket_id) REFERENCES desk.tickets (tenant_id, id)
        ON DELETE CASCADE;
ALTER TABLE desk.messages
    ADD CONSTRAINT messages_author_id_fkey FOREIGN KEY (tenant_id, author_id) REFERENCES desk.users (tenant_id, id);
ALTER TABLE desk.attachments
    ADD CONSTRAINT attachments_message_id_fkey FOREIGN KEY (tenant_id, message_id)
        REFERENCES desk.messages (tenant_id, id) ON DELETE CASCADE;
ALTER TABLE desk.ticket_tags
    ADD CONSTRAINT ticket_tags_ticket_id_fkey FOREIGN KEY (tenant_id, ticket_id)
        REFERENCES desk.tickets (tenant_id, id) ON DELETE CASCADE;
ALTER TABLE desk.ticket_tags
    ADD CONSTRAINT ticket_tags_tag_id_fkey FOREIGN KEY (tenant_id, tag_id) REFERENCES desk.tags (tenant_id, id)
        ON DELETE CASCADE;
ALTER TABLE desk.team_members
    ADD CONSTRAINT team_members_team_id_fkey FOREIGN KEY (tenant_id, team_id) REFERENCES desk.teams (tenant_id, id)
        ON DELETE CASCADE;
ALTER TABLE desk.team_members
    ADD CONSTRAINT team_members_user_id_fkey FOREIGN KEY (tenant_id, user_id) REFERENCES desk.users (tenant_id, id)
        ON DELETE CASCADE;
ALTER TABLE desk.login_events
    ADD CONSTRAINT login_events_user_id_fkey FOREIGN KEY (tenant_id, user_id) REFERENCES desk.users (tenant_id, id);

-- A check of a comparison with two literals, as two of one each.
ALTER TABLE desk.sla_policies ADD CONSTRAINT sla_policies_priority_least CHECK (priority >= 1);
ALTER TABLE desk.sla_policies ADD CONSTRAINT sla_policies_priority_most CHECK (priority <= 4);

-- The materialised view as a table, filled by a job of the application.
BEGIN;
SET LOCAL rds_aurora.limitless_create_table_mode = 'sharded';
SET LOCAL rds_aurora.limitless_create_table_shard_key = '{"tenant_id"}';
SET LOCAL rds_aurora.limitless_create_table_collocate_with = 'desk.audit_log';
CREATE TABLE desk.tickets_by_month (
    tenant_id bigint NOT NULL,
    month timestamp NOT NULL,
    tickets bigint NOT NULL,
    PRIMARY KEY (tenant_id, month)
);
COMMIT;
INSERT INTO desk.tickets_by_month
    SELECT tenant_id, date_trunc('month', created_at AT TIME ZONE 'UTC'), count(*) FROM desk.tickets GROUP BY 1, 2;

-- A join that names the shard key on both sides stays within a shard.
CREATE OR REPLACE VIEW desk.open_tickets AS
    SELECT t.tenant_id, t.id, t.number, t.subject, t.priority, u.email AS requester
      FROM desk.tickets t JOIN desk.users u ON u.tenant_id = t.tenant_id AND u.id = t.requester_id
     WHERE t.closed_at IS NULL;

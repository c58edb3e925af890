-- Reports name the rules that were broken, in the words that they had then, and the moderator who looks after them.
-- Yesterday's code neither reads nor writes the two columns.
alter table reports
    add column rules text[] not null default '{}',
    add column assigned_to bigint references accounts on delete set null;
create index reports_by_assignee on reports (assigned_to) where assigned_to is not null;  -- foreign key

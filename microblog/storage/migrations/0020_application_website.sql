-- Where people read about the program that a post came from, as that program said when it registered: clients link to it.
-- Posts that are older have none.
alter table posts add column application_website text;

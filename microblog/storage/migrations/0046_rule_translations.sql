-- Rules in other languages. A constant default: no rewrite, and the previous release serves meanwhile, without looking at it.

alter table rules add column translations jsonb not null default '{}';  -- {language (ISO 639): {"text", "hint"}}

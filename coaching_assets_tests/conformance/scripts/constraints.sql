-- Constraints, indexes and triggers of the application. Each of them rejects one row from the source.
alter table calls add constraint title_is_short check (title <> 'Far too long');
create unique index one_kickoff on calls (title) where title = 'Kick-off';
alter table opportunities alter column stage type varchar(40);
alter table opportunities add constraint has_account check (name <> 'No account');
alter table emails add constraint known_subject exclude using btree (subject with =) where (subject = 'Same subject');
create index whole_texts on transcripts using btree (text);
create function reject_line() returns trigger language plpgsql as
$$begin
    if new.text = 'Secret' then
        raise exception 'secrets are not stored';
    end if;
    return new;
end$$;
create trigger reject_line before insert or update on transcripts for each row execute function reject_line();
create function reject_speaker() returns trigger language plpgsql as
$$begin
    if new.name = 'Nobody' then
        raise exception using errcode = 'integrity_constraint_violation', message = 'nobody does not speak';
    end if;
    return null;
end$$;
create constraint trigger reject_speaker after insert or update on speakers deferrable initially deferred
for each row execute function reject_speaker();

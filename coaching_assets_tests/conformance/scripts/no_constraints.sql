-- Takes back constraints.sql.
alter table calls drop constraint title_is_short;
drop index one_kickoff;
alter table opportunities alter column stage type varchar;
alter table opportunities drop constraint has_account;
alter table emails drop constraint known_subject;
drop index whole_texts;
drop trigger reject_line on transcripts;
drop trigger reject_speaker on speakers;

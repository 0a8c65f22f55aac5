-- Triggers that call functions which only the database's own search path finds.
create schema extensions;
create function extensions.tidy(value text) returns text language sql immutable as $$select btrim(value)$$;
create function tidy_title() returns trigger language plpgsql as
$$begin new.title := tidy(new.title); return new; end$$;
create trigger tidy_title before insert or update on calls for each row execute function tidy_title();
create function tidy_name() returns trigger language plpgsql as
$$begin new.name := tidy(new.name); return new; end$$;
create trigger tidy_name before insert or update on opportunities for each row execute function tidy_name();

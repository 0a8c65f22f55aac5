-- breaking: no
-- Writes rows so that a row that Postgres rejects, or that the application holds locked, does not stop the others. Their
-- arguments are:
--   statements   SQL with the places (ctid) as $1 of the rows to write, in a temporary table of the session
--   places       the rows
--   row_error    pattern of the SQLSTATEs that concern one row; every other error is raised
--   lock_error   pattern of the SQLSTATEs of a lock that another transaction holds

-- Rows are written in chunks. A chunk that fails is halved until a rejected row is alone. The next chunk is a quarter as
-- long as the distance to the rejected row before: that wastes few rows where many are rejected.
create function coaching_sync.write_isolated(
    published_table text, is_deletion boolean, statements text[], places tid[], row_error text, lock_error text
) returns bigint[]
language plpgsql
set lock_timeout = '20ms'
as $function$
declare
    most_lock_waits constant int := 50;
    lock_waits int := 0;
    counts bigint[] := array_fill(0::bigint, array[cardinality(statements)]);
    written bigint[];
    counted bigint;
    size int := 64;
    first int := 1;
    last int;
    last_of_failed int := 0;
    after_rejected int := 1;
    state text;
    message text;
    constrained_by text;
begin
    while first <= cardinality(places) loop
        last := least(first + size - 1, cardinality(places));
        begin
            written := counts;
            for number in 1 .. cardinality(statements) loop
                execute statements[number] using places[first:last];
                get diagnostics counted = row_count;
                written[number] := written[number] + counted;
            end loop;
            counts := written;
            first := last + 1;
            -- after the first part of a chunk that failed, the rejected row is in the other part
            size := case when first <= last_of_failed then (last_of_failed - last + 1) / 2 else size + (size + 1) / 2 end;
        exception when others then
            get stacked diagnostics
                state = returned_sqlstate, message = message_text, constrained_by = constraint_name;
            if state ~ lock_error then
                -- meanwhile the application waits for the rows that this transaction wrote
                lock_waits := lock_waits + 1;
                if lock_waits > most_lock_waits then
                    raise;
                end if;
            elsif state !~ row_error then
                raise;
            end if;
            if first = last then
                insert into isolated_place
                values (published_table, is_deletion, places[first], state, message, nullif(constrained_by, ''));
                size := greatest((first - after_rejected) / 4, 1);
                first := first + 1;
                after_rejected := first;
                last_of_failed := 0;
            else
                last_of_failed := last;
                size := (last - first + 1) / 2;
            end if;
        end;
    end loop;
    return counts;
end
$function$;

comment on function coaching_sync.write_isolated(text, boolean, text[], tid[], text, text) is
    'Run statements on rows, but for those that Postgres rejects or that others lock. Records these in the temporary table isolated_place. Returns the rows that each statement wrote.';

create function coaching_sync.try_isolated(statements text[], places tid[], row_error text, lock_error text)
returns table (place tid, message text)
language plpgsql
set lock_timeout = '20ms'
as $function$
declare
    undo constant text := 'CS002';
    statement text;
begin
    set constraints all immediate;
    foreach place in array places loop
        begin
            foreach statement in array statements loop
                execute statement using array[place];
            end loop;
            raise exception using errcode = undo;
        exception when others then
            if sqlstate = undo then
                message := null;
            elsif sqlstate ~ lock_error then
                -- the application works on the table; the next sync tries again
                return;
            elsif sqlstate ~ row_error then
                message := sqlerrm;
            else
                raise;
            end if;
        end;
        return next;
    end loop;
end
$function$;

comment on function coaching_sync.try_isolated(text[], tid[], text, text) is
    'Run statements on each row, and roll them back. Returns the message of the error by row; null if Postgres would accept the row now.';

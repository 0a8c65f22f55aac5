-- breaking: no
-- Writes rows so that a row that Postgres rejects, or that the application holds locked, does not stop the others. Their
-- arguments are:
--   statements   SQL with the places (ctid) as $1 of the rows to write, in a temporary table of the session
--   places       the rows
--   row_error    pattern of the SQLSTATEs that concern one row; every other error is raised
--   lock_error   pattern of the SQLSTATEs of a lock that another transaction holds

create function coaching_sync.write_isolated(
    published_table text, is_deletion boolean, statements text[], places tid[], row_error text, lock_error text
) returns bigint[]
language plpgsql
set lock_timeout = '100ms'
as $function$
declare
    most_lock_waits constant int := 20;
    counts bigint[] := '{}';
    counted bigint;
    statement text;
    state text;
    message text;
    constrained_by text;
    middle int := cardinality(places) / 2;
begin
    begin
        foreach statement in array statements loop
            execute statement using places;
            get diagnostics counted = row_count;
            counts := counts || counted;
        end loop;
        return counts;
    exception when others then
        get stacked diagnostics
            state = returned_sqlstate, message = message_text, constrained_by = constraint_name;
        if state ~ lock_error then
            -- each wait takes time: if many rows are locked one by one, the whole table may be
            if (select count(*) from isolated_place where waited) >= most_lock_waits then
                raise;
            end if;
        elsif state !~ row_error then
            raise;
        end if;
    end;

    if cardinality(places) = 1 then
        insert into isolated_place
        values (published_table, is_deletion, places[1], state, message, nullif(constrained_by, ''), state ~ lock_error);
        return array_fill(0::bigint, array[cardinality(statements)]);
    end if;
    counts := coaching_sync.write_isolated(
        published_table, is_deletion, statements, places[:middle], row_error, lock_error
    );
    return array(
        select one + other
        from unnest(
            counts,
            coaching_sync.write_isolated(
                published_table, is_deletion, statements, places[middle + 1:], row_error, lock_error
            )
        ) with ordinality as halves (one, other, place)
        order by place
    );
end
$function$;

comment on function coaching_sync.write_isolated(text, boolean, text[], tid[], text, text) is
    'Run statements on rows; on an error, on each half of them. Records rejected and locked rows in the temporary table isolated_place. Returns the rows that each statement wrote.';

create function coaching_sync.try_isolated(statements text[], places tid[], row_error text, lock_error text)
returns table (place tid, message text)
language plpgsql
set lock_timeout = '100ms'
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

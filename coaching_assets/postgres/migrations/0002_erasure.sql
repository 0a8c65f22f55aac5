-- breaking: no
-- Functions that keep erased rows away. `identities` is a JSON array from the catalogue: the columns by which a row names
-- a call, an address or an opportunity.

-- In a Turkish database, lower('I') is a dotless i, and upper('i') a dotted I. Addresses, domains and the source's own
-- words are ASCII, which "C" converts; the database's collation converts the rest, as it always did.
create or replace function coaching_sync.lower_case(value text) returns text
language sql immutable parallel safe
as $function$
    select lower(lower(value collate "C") collate "default")
$function$;

comment on function coaching_sync.lower_case(text) is
    'Text in lower case. ASCII letters become ASCII letters in every language of the database.';

create or replace function coaching_sync.upper_case(value text) returns text
language sql immutable parallel safe
as $function$
    select upper(upper(value collate "C") collate "default")
$function$;

comment on function coaching_sync.upper_case(text) is
    'Text in upper case. ASCII letters become ASCII letters in every language of the database.';

create or replace function coaching_sync.hash_of_erased(kind text, value text) returns bytea
language sql stable strict
as $function$
    select sha256(convert_to(
        salt || ':' || kind || ':' || case kind when 'address' then coaching_sync.lower_case(btrim(value, E' \t\r\n')) else value end, 'UTF8'
    ))
    from coaching_sync.erasure_salt
$function$;

comment on function coaching_sync.hash_of_erased(text, text) is
    'Salted hash under which an erased value is remembered.';

create or replace function coaching_sync.json_member(value text, member text) returns text
language plpgsql immutable strict
as $function$
begin
    return value::jsonb ->> member;
exception when others then
    return null;
end
$function$;

comment on function coaching_sync.json_member(text, text) is
    'Member of a JSON object in text form. Null if the text is not valid JSON.';

create or replace function coaching_sync.identity_value(rows regclass, identity jsonb) returns text
language sql stable
as $function$
    with part as (
        select place, string_agg(
            case when identity ->> 'member' is null then format('r.%I::text', attname)
                 else format('coaching_sync.json_member(r.%I::text, %L)', attname, identity ->> 'member') end,
            ', ' order by attnum
        ) as variants
        from jsonb_array_elements_text(identity -> 'columns') with ordinality as wanted (name, place)
        left join pg_attribute on attrelid = rows and attnum > 0 and not attisdropped
            and (attname = name or starts_with(attname, name || '__v_'))
        group by place
    )
    select case when bool_and(variants is not null)
                then string_agg(format('coalesce(%s)', variants), ' || chr(31) || ' order by place) end
    from part
$function$;

comment on function coaching_sync.identity_value(regclass, jsonb) is
    'SQL expression of an identity''s value in a row r. Null if the table lacks a column. A column whose type changed has its newer values in a second column.';

create or replace function coaching_sync.hash_of_identity(rows regclass, identity jsonb) returns text
language sql stable
as $function$
    select format(
        'sha256(convert_to(%L || %s, ''UTF8''))',
        salt || ':' || (identity ->> 'kind') || ':',
        case identity ->> 'kind' when 'address' then format(E'coaching_sync.lower_case(btrim(%s, E'' \\t\\r\\n''))', value) else value end
    )
    from coaching_sync.erasure_salt, coaching_sync.identity_value(rows, identity) as value
    where value is not null
$function$;

comment on function coaching_sync.hash_of_identity(regclass, jsonb) is
    'SQL expression of an identity''s salted hash in a row r.';

create or replace function coaching_sync.erased_condition(rows regclass, identities jsonb, value_only boolean) returns text
language sql stable
as $function$
    select coalesce(string_agg(
        format('%s in (select hash from coaching_sync.erased_identities where kind = %L)',
               coaching_sync.hash_of_identity(rows, identity), identity ->> 'kind'),
        ' or '
    ) filter (where coaching_sync.hash_of_identity(rows, identity) is not null), 'false')
    from jsonb_array_elements(identities) as listed (identity)
    where (identity ->> 'value_only')::boolean = value_only
$function$;

comment on function coaching_sync.erased_condition(regclass, jsonb, boolean) is
    'SQL condition that a row r names something erased. value_only selects identities whose value is removed, while the row remains.';

create or replace function coaching_sync.remember_revealed(rows regclass, identities jsonb) returns bigint
language plpgsql
as $function$
declare
    goes text := coaching_sync.erased_condition(rows, identities, false);
    identity jsonb;
    counted bigint;
    revealed bigint := 0;
begin
    for identity in select item from jsonb_array_elements(identities) as listed (item) where (item ->> 'reveals')::boolean
    loop
        if coaching_sync.hash_of_identity(rows, identity) is not null then
            execute format(
                'insert into coaching_sync.erased_identities (kind, hash)
                 select distinct %L, hash from (select %s as hash from %s as r where %s) as found where hash is not null
                 on conflict do nothing',
                identity ->> 'kind', coaching_sync.hash_of_identity(rows, identity), rows, goes
            );
            get diagnostics counted = row_count;
            revealed := revealed + counted;
        end if;
    end loop;
    return revealed;
end
$function$;

comment on function coaching_sync.remember_revealed(regclass, jsonb) is
    'Remember further identities of rows that name something erased. Returns how many are new.';

-- A token ends at a delimiter, so that an erased address within a longer one stays. In JSON text an escape such as \n may
-- be right before it.
create or replace function coaching_sync.redacted_text(value text) returns text
language plpgsql stable
as $function$
declare
    part constant text := '[^][\s@<>(){},;:"=|/\\&?#]+';
    done text := '';
    rest text := value;
    escape_sequence text;
    token text;
    found text;
    candidate text;
begin
    if value is null or strpos(value, '@') = 0 then
        return value;
    end if;
    for escape_sequence, token in
        select coalesce(m[1], ''), m[2]
        from regexp_matches(value, format('(\\(?:u[0-9a-fA-F]{4}|.))?(%1$s@%1$s)', part), 'g') as matches (m)
    loop
        found := escape_sequence || token;
        done := done || left(rest, strpos(rest, found) - 1);
        rest := substr(rest, strpos(rest, found) + length(found));
        foreach candidate in array array[token, right(escape_sequence, 1) || token] loop
            candidate := btrim(candidate, $quotes$'.!*_`~“”‘’«»$quotes$);
            if exists (
                select from coaching_sync.erased_identities
                where kind = 'address' and hash = coaching_sync.hash_of_erased('address', candidate)
            ) then
                found := replace(found, candidate, '[erased]');
            end if;
        end loop;
        done := done || found;
    end loop;
    return done || rest;
end
$function$;

comment on function coaching_sync.redacted_text(text) is
    'Text with every erased address replaced by [erased].';

create or replace function coaching_sync.redact_rows(rows regclass, identities jsonb, load_id text) returns bigint
language plpgsql
as $function$
declare
    assignments text;
    affected text;
    emptied text := coaching_sync.erased_condition(rows, identities, true);
    counted bigint;
    redacted bigint := 0;
    stamp text := case when load_id is null then '' else format(', _dlt_load_id = %L', load_id) end;
begin
    if emptied <> 'false' then
        select string_agg(format('%I = null', attname), ', ') into assignments
        from jsonb_array_elements(identities) as listed (identity)
        cross join jsonb_array_elements_text(identity -> 'columns') as wanted (name)
        join pg_attribute on attrelid = rows and attnum > 0 and not attisdropped
            and (attname = name or starts_with(attname, name || '__v_'))
        where (identity ->> 'value_only')::boolean;
        execute format('update %s as r set %s%s where %s', rows, assignments, stamp, emptied);
        get diagnostics redacted = row_count;
    end if;

    if exists (select from coaching_sync.erased_identities where kind = 'address') then
        select
            string_agg(format('%1$I = nullif(coaching_sync.redacted_text(r.%1$I::text), ''[erased]'')::%2$s',
                              attname, format_type(atttypid, null)), ', '),
            string_agg(format('(strpos(r.%1$I::text, ''@'') > 0 and coaching_sync.redacted_text(r.%1$I::text) <> r.%1$I::text)',
                              attname), ' or ')
        into assignments, affected
        from pg_attribute
        where attrelid = rows and attnum > 0 and not attisdropped and not starts_with(attname, '_dlt_')
            and atttypid in ('text'::regtype, 'varchar'::regtype, 'json'::regtype, 'jsonb'::regtype);
        execute format('update %s as r set %s%s where %s', rows, assignments, stamp, affected);
        get diagnostics counted = row_count;
        redacted := redacted + counted;
    end if;
    return redacted;
end
$function$;

comment on function coaching_sync.redact_rows(regclass, jsonb, text) is
    'Remove erased values and addresses from rows that stay, and stamp these rows with the load id, if one is given.';

create or replace function coaching_sync.drop_erased_rows(rows regclass, identities jsonb) returns void
language plpgsql
as $function$
begin
    while coaching_sync.remember_revealed(rows, identities) > 0 loop
    end loop;
    execute format('delete from %s as r where %s', rows, coaching_sync.erased_condition(rows, identities, false));
    perform coaching_sync.redact_rows(rows, identities, null);
end
$function$;

comment on function coaching_sync.drop_erased_rows(regclass, jsonb) is
    'Delete and redact staged rows that name something erased, before they are merged.';

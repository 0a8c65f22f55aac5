-- Lenient casts: a text that is no such value becomes null instead of an error. And small functions that the published
-- SQL shares. Where one of `language sql` is not strict, that is for speed: Postgres puts it in line only if its body is
-- strict too, which a `case` never is.

create or replace function coaching_sync.any_bigint(value text) returns bigint
language plpgsql immutable strict parallel safe
as $function$
begin
    if value ~ '^\s*[+-]?\d+(\.0*)?\s*$' then
        return split_part(btrim(value), '.', 1)::bigint;
    end if;
    return null;
exception when numeric_value_out_of_range then
    return null;
end
$function$;

-- The usual case without a block that catches exceptions, which is a transaction of its own.
create or replace function coaching_sync.try_bigint(value text) returns bigint
language sql immutable parallel safe
as $function$
    select case when length(value) < 19 and value ~ '^[0-9]+$' then value::bigint else coaching_sync.any_bigint(value) end
$function$;

create or replace function coaching_sync.try_numeric(value text) returns numeric
language plpgsql immutable strict parallel safe
as $function$
begin
    if value ~ '^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,4})?\s*$' then
        return value::numeric;
    end if;
    return null;
exception when numeric_value_out_of_range then
    return null;
end
$function$;

create or replace function coaching_sync.try_boolean(value text) returns boolean
language sql immutable parallel safe
as $function$
    select case lower(btrim(value)) when 'true' then true when 't' then true when '1' then true
                                    when 'false' then false when 'f' then false when '0' then false end
$function$;

-- RFC 3339, without an offset: UTC. Needs the session's time zone to be UTC.
create or replace function coaching_sync.try_timestamptz(value text) returns timestamptz
language plpgsql stable strict parallel safe
as $function$
begin
    if value ~* '^\s*\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?\s*(Z|UTC|[+-]\d{2}(:?\d{2})?)?\s*$' then
        return value::timestamptz;
    end if;
    return null;
exception when datetime_field_overflow or invalid_datetime_format or invalid_time_zone_displacement_value then
    return null;
end
$function$;

create or replace function coaching_sync.try_date(value text) returns date
language plpgsql stable strict parallel safe
as $function$
begin
    if value ~ '^\s*\d{4}-\d{2}-\d{2}\s*$' then
        return value::date;
    end if;
    return (coaching_sync.try_timestamptz(value) at time zone 'UTC')::date;
exception when datetime_field_overflow or invalid_datetime_format then
    return null;
end
$function$;

-- U+0000, which jsonb cannot hold, becomes U+FFFD.
create or replace function coaching_sync.try_jsonb(value text) returns jsonb
language plpgsql immutable strict parallel safe
as $function$
begin
    return value::jsonb;
exception when untranslatable_character then
    return regexp_replace(value, '(?<!\\)((\\\\)*)\\u0000', '\1\\ufffd', 'g')::jsonb;
when others then
    return null;
end
$function$;

-- A JSON value as a number: as it is, or leniently from its text.
create or replace function coaching_sync.json_number(value jsonb) returns numeric
language sql immutable parallel safe
as $function$
    select case when jsonb_typeof(value) = 'number' then value::numeric else coaching_sync.try_numeric(value #>> '{}') end
$function$;

-- A JSON string as the text that it holds, anything else as JSON text.
create or replace function coaching_sync.json_as_text(value json) returns text
language sql immutable strict parallel safe
as $function$
    select case json_typeof(value) when 'string' then coaching_sync.try_jsonb(value::text) #>> '{}'
                                   when 'null' then null else value::text end
$function$;

create or replace function coaching_sync.json_time(value timestamptz) returns text
language sql stable strict parallel safe
as $function$
    select to_char(value at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS')
        || case when extract(microseconds from value)::bigint % 1000000 = 0 then ''
                else to_char(value at time zone 'UTC', '.US') end || 'Z'
$function$;

-- A trimmed text, or null where nothing is left.
create or replace function coaching_sync.filled(value text) returns text
language sql immutable parallel safe
as $function$
    select nullif(regexp_replace(value, '^\s+|\s+$', '', 'g'), '')
$function$;

-- brian.r@x.com -> Brian R. Cut at every ASCII character that is no letter or digit, whatever the database's locale.
create or replace function coaching_sync.name_from_address(address text) returns text
language sql immutable parallel safe
as $function$
    select string_agg(upper(left(part, 1)) || lower(substr(part, 2)), ' ' order by place)
    from regexp_split_to_table(split_part(address, '@', 1), '[\x21-\x2f\x3a-\x40\x5b-\x60\x7b-\x7e\s]+') with ordinality as parts (part, place)
    where part <> ''
$function$;

create or replace function coaching_sync.is_address(value text) returns boolean
language sql immutable parallel safe
as $function$
    select value ~ '^[^@\s]+@[^@\s]+$'
$function$;

-- The id of a row that this project inserts: a UUID of version 8 from the natural key, the same after every rebuild.
create or replace function coaching_sync.derived_id(published_table text, natural_key text) returns uuid
language sql immutable strict parallel safe
as $function$
    select overlay(overlay(md5(published_table || ':' || natural_key) placing '8' from 13) placing '8' from 17)::uuid
$function$;

create or replace function coaching_sync.is_derived(id uuid) returns boolean
language sql immutable strict parallel safe
as $function$
    select substr(id::text, 15, 1) = '8'
$function$;

-- The keys of an object whose value says nothing: null, an empty list, an empty object.
create or replace function coaching_sync.without_empty(value jsonb) returns jsonb
language sql immutable strict parallel safe
as $function$
    select coalesce(jsonb_object_agg(key, item) filter (where item not in ('null', '[]', '{}')), '{}')
    from jsonb_each(value) as entries (key, item)
$function$;

-- A whole number of 32 bits, rounded half away from zero, or null.
create or replace function coaching_sync.whole(value numeric) returns integer
language sql immutable parallel safe
as $function$
    select case when round(value) between -2147483648 and 2147483647 then round(value)::integer end
$function$;

-- Whether the application's full-text search can hold a text. A tsvector has room for a megabyte of words and their places;
-- what is much shorter needs no look.
create or replace function coaching_sync.can_be_searched(value text) returns boolean
language plpgsql immutable strict parallel safe
as $function$
begin
    if octet_length(value) > 250000 then
        perform to_tsvector('simple'::regconfig, value);
    end if;
    return true;
exception when program_limit_exceeded then
    return false;
end
$function$;

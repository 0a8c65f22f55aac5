-- breaking: no
-- Lenient casts and small functions that the published SQL shares. A value that cannot be cast becomes null, not an error.
-- Some functions in `language sql` are not strict, for speed: Postgres inlines a strict one only if its body is strict too,
-- and a `case` never is.

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

comment on function coaching_sync.any_bigint(text) is
    'Text as bigint, with sign, blanks and a zero fraction allowed. Null if it is not an integer of 64 bits.';

-- Digits alone need no block that catches exceptions; such a block is a subtransaction.
create or replace function coaching_sync.try_bigint(value text) returns bigint
language sql immutable parallel safe
as $function$
    select case when length(value) < 19 and value ~ '^[0-9]+$' then value::bigint else coaching_sync.any_bigint(value) end
$function$;

comment on function coaching_sync.try_bigint(text) is
    'Text as bigint, or null.';

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

comment on function coaching_sync.try_numeric(text) is
    'Text as numeric, or null.';

create or replace function coaching_sync.try_boolean(value text) returns boolean
language sql immutable parallel safe
as $function$
    select case lower(btrim(value)) when 'true' then true when 't' then true when '1' then true
                                    when 'false' then false when 'f' then false when '0' then false end
$function$;

comment on function coaching_sync.try_boolean(text) is
    'Text as boolean: true, t, 1, false, f or 0 in any case. Null otherwise.';

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

comment on function coaching_sync.try_timestamptz(text) is
    'RFC 3339 text as timestamptz, or null. Without an offset it is UTC, if the session''s time zone is UTC.';

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

comment on function coaching_sync.try_date(text) is
    'Text with a date, or with a time in RFC 3339, as a date in UTC. Null otherwise.';

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

comment on function coaching_sync.try_jsonb(text) is
    'Text as jsonb, or null. jsonb cannot contain U+0000, so that becomes U+FFFD.';

create or replace function coaching_sync.json_number(value jsonb) returns numeric
language sql immutable parallel safe
as $function$
    select case when jsonb_typeof(value) = 'number' then value::numeric else coaching_sync.try_numeric(value #>> '{}') end
$function$;

comment on function coaching_sync.json_number(jsonb) is
    'JSON number, or JSON string that contains a number, as numeric. Null otherwise.';

create or replace function coaching_sync.json_as_text(value json) returns text
language sql immutable strict parallel safe
as $function$
    select case json_typeof(value) when 'string' then coaching_sync.try_jsonb(value::text) #>> '{}'
                                   when 'null' then null else value::text end
$function$;

comment on function coaching_sync.json_as_text(json) is
    'JSON string as its text. Any other value as JSON text, and JSON null as null.';

create or replace function coaching_sync.json_time(value timestamptz) returns text
language sql stable strict parallel safe
as $function$
    select to_char(value at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS')
        || case when extract(microseconds from value)::bigint % 1000000 = 0 then ''
                else to_char(value at time zone 'UTC', '.US') end || 'Z'
$function$;

comment on function coaching_sync.json_time(timestamptz) is
    'Time as text in RFC 3339, in UTC. Microseconds only if there are any.';

create or replace function coaching_sync.not_blank(value text) returns text
language sql immutable parallel safe
as $function$
    select nullif(regexp_replace(value, '^\s+|\s+$', '', 'g'), '')
$function$;

comment on function coaching_sync.not_blank(text) is
    'Text without leading and trailing white space, or null if nothing remains.';

-- Splits at every ASCII character that is not a letter or digit, so that the result does not depend on the locale.
create or replace function coaching_sync.name_from_email(address text) returns text
language sql immutable parallel safe
as $function$
    select string_agg(coaching_sync.upper_case(left(part, 1)) || coaching_sync.lower_case(substr(part, 2)), ' ' order by place)
    from regexp_split_to_table(split_part(address, '@', 1), '[\x21-\x2f\x3a-\x40\x5b-\x60\x7b-\x7e\s]+') with ordinality as parts (part, place)
    where part <> ''
$function$;

comment on function coaching_sync.name_from_email(text) is
    'Name made of an e-mail address: brian.r@x.com becomes Brian R.';

create or replace function coaching_sync.is_address(value text) returns boolean
language sql immutable parallel safe
as $function$
    select value ~ '^[^@\s]+@[^@\s]+$'
$function$;

comment on function coaching_sync.is_address(text) is
    'Whether a text looks like an e-mail address.';

create or replace function coaching_sync.derived_id(published_table text, natural_key text) returns uuid
language sql immutable strict parallel safe
as $function$
    select overlay(overlay(md5(published_table || ':' || natural_key) placing '8' from 13) placing '8' from 17)::uuid
$function$;

comment on function coaching_sync.derived_id(text, text) is
    'Id of a row that this project inserts: a UUID of version 8 derived from the natural key.';

create or replace function coaching_sync.is_derived(id uuid) returns boolean
language sql immutable strict parallel safe
as $function$
    select substr(id::text, 15, 1) = '8'
$function$;

comment on function coaching_sync.is_derived(uuid) is
    'Whether an id comes from derived_id.';

create or replace function coaching_sync.without_empty(value jsonb) returns jsonb
language sql immutable strict parallel safe
as $function$
    select coalesce(jsonb_object_agg(key, item) filter (where item not in ('null', '[]', '{}')), '{}')
    from jsonb_each(value) as entries (key, item)
$function$;

comment on function coaching_sync.without_empty(jsonb) is
    'JSON object without keys whose value is null, an empty list or an empty object.';

create or replace function coaching_sync.rounded_integer(value numeric) returns integer
language sql immutable parallel safe
as $function$
    select case when round(value) between -2147483648 and 2147483647 then round(value)::integer end
$function$;

comment on function coaching_sync.rounded_integer(numeric) is
    'Number rounded half away from zero to a 32-bit integer. Null if it does not fit.';

-- A tsvector holds at most 1 MB of words and positions. Text up to 250 kB always fits.
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

comment on function coaching_sync.can_be_searched(text) is
    'Whether the application''s full-text search can index a text.';

create or replace function coaching_sync.float_text(value double precision) returns text
language sql immutable parallel safe
as $function$
    select case
        when value = 0 then '0'
        when value in ('NaN', 'Infinity', '-Infinity') then value::text
        else case when value < 0 then '-' else '' end
            || case when bits >> 52 = 0 then bits else (bits & 4503599627370495) | 4503599627370496 end
            || 'p' || greatest(bits >> 52, 1) - 1075
    end
    from (select ('x' || encode(float8send(abs(value)), 'hex'))::bit(64)::bigint as bits) as sent
$function$;

comment on function coaching_sync.float_text(double precision) is
    'Mantissa and exponent of a number: 1.5 is 6755399441055744p-52. BigQuery computes the same text for the reconciliation.';

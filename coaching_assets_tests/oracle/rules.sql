-- The rules for all tables that are shortest in SQL.

create schema published;

-- Blank is missing.
create macro clean(given) as nullif(trim(given, ' ' || chr(9) || chr(10) || chr(11) || chr(12) || chr(13)), '');

-- A time (in UTC, without a zone) as JSON text.
create macro json_time(moment) as
    case
        when microsecond(moment) % 1000000 = 0 then strftime(moment, '%Y-%m-%dT%H:%M:%SZ')
        else strftime(moment, '%Y-%m-%dT%H:%M:%S.%fZ')
    end;

create macro present(items) as list_filter(items, lambda item: item is not null);

create macro well_formed(address) as regexp_full_match(address, '[^@\s]+@[^@\s]+');

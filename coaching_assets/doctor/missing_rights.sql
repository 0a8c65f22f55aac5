-- Rights that a sync needs and the current user lacks, each with the statement that grants it.
select
    format('%%s on table %%I.%%I', right_name, %(schema)s, name) as missing_right,
    format('grant %%s on %%I.%%I to %%I;', right_name, %(schema)s, name, current_user) as remedy
from unnest(%(tables)s::text[]) as name
cross join unnest(array['select', 'insert', 'update', 'delete']) as right_name
where to_regclass(format('%%I.%%I', %(schema)s::text, name)) is not null
    and not has_table_privilege(to_regclass(format('%%I.%%I', %(schema)s::text, name)), right_name)
union all
select format('usage on schema %%I', %(schema)s), format('grant usage on schema %%I to %%I;', %(schema)s, current_user)
where to_regnamespace(quote_ident(%(schema)s)) is not null
    and not has_schema_privilege(to_regnamespace(quote_ident(%(schema)s)), 'usage')
union all
select
    'temporary tables in the database',
    format('grant temporary on database %%I to %%I;', current_database(), current_user)
where not has_database_privilege(current_database(), 'temporary')
union all
select
    'the right to create schemas in the database',
    format('grant create on database %%I to %%I;', current_database(), current_user)
where not has_database_privilege(current_database(), 'create')
    and exists (select from unnest(%(own_schemas)s::text[]) as own where to_regnamespace(quote_ident(own)) is null)
union all
select format('create on schema %%I', own), format('grant create, usage on schema %%I to %%I;', own, current_user)
from unnest(%(own_schemas)s::text[]) as own
where to_regnamespace(quote_ident(own)) is not null
    and not has_schema_privilege(to_regnamespace(quote_ident(own)), 'create')

-- Forget which loads the tables reflect: those of all sources if the rules of a table changed, those of one source if its
-- replica table has another storage. Marks these sources as renewed. The transactions of loads are kept for 30 days: a table
-- that was not published for that long is computed again.
with outdated as (
    select published_table, source_view
    from unnest(%(tables)s::text[]) as published_table
    cross join source_state
    where published_table not in (
        select published_table from coaching_sync.published_tables
        where fingerprint = %(rule_version)s and published_at > now() - interval '29 days'
    )
    union
    select published_table, source_view
    from coaching_sync.published_ranges as reflected
    join source_state using (source_view)
    where published_table = any (%(tables)s) and reflected.storage is distinct from source_state.storage
),
forgotten_ranges as (
    delete from coaching_sync.published_ranges as reflected
    using outdated
    where (reflected.published_table, reflected.source_view) = (outdated.published_table, outdated.source_view)
),
forgotten_loads as (
    delete from coaching_sync.published_loads as reflected
    using outdated
    where (reflected.published_table, reflected.source_view) = (outdated.published_table, outdated.source_view)
)
update source_state set renewed = true where source_view in (select source_view from outdated)

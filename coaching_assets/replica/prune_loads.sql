-- Delete dlt's records of old loads, which it never reads again. The name in braces is the replica's schema.
-- Other pipelines may use the same tables; their records stay.
-- dlt restores a pipeline's state from the newest row whose load is complete, and its schema from the newest version.
delete from {schema}._dlt_pipeline_state as old
where created_at < now() - interval '30 days'
    and pipeline_name = any (%(pipelines)s)
    and ctid not in (
        select ctid
        from (
            select state.ctid, row_number() over (partition by pipeline_name order by load_id desc) as place
            from {schema}._dlt_pipeline_state as state
            join {schema}._dlt_loads as load on load.load_id = state._dlt_load_id and load.status = 0
        ) as ranked
        where place <= 10
    );

delete from {schema}._dlt_loads as old
where inserted_at < now() - interval '30 days'
    and schema_name = any (%(pipelines)s)
    and ctid not in (
        select ctid
        from (
            select ctid, row_number() over (partition by schema_name order by inserted_at desc) as place
            from {schema}._dlt_loads
        ) as ranked
        where place <= 10
    )
    and not exists (select from {schema}._dlt_pipeline_state as state where state._dlt_load_id = old.load_id);

delete from {schema}._dlt_version
where inserted_at < now() - interval '30 days'
    and schema_name = any (%(pipelines)s)
    and ctid not in (
        select ctid
        from (
            select ctid, row_number() over (partition by schema_name order by inserted_at desc) as place
            from {schema}._dlt_version
        ) as ranked
        where place <= 10
    );

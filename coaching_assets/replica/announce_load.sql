-- Record before a load that it may create these tables. If the load is killed, they are recognized by this.
insert into coaching_sync.replica_tables as recorded (table_schema, table_name, loading)
select table_schema, table_name, true from unnest(%(schemas)s) as table_schema, unnest(%(names)s) as table_name
on conflict (table_schema, table_name) do update set loading = true where not recorded.loading

-- The functions of coaching_sync, by name: arguments, result and body.
select proname, concat_ws(' ', proname, pg_get_function_arguments(oid), pg_get_function_result(oid), prosrc)
from pg_proc
where pronamespace = 'coaching_sync'::regnamespace and prokind = 'f'

-- BigQuery: which of these keys the table has now.
SELECT DISTINCT key
FROM (SELECT {key} AS key FROM {table})
WHERE key IN UNNEST(@keys)

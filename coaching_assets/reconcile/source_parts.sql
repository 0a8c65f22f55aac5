-- BigQuery: the hashes of the keys of all rows that these aggregates have now.
SELECT DISTINCT aggregate, key_hash
FROM (SELECT {aggregate} AS aggregate, TO_HEX(MD5({key})) AS key_hash FROM {table})
WHERE aggregate IN UNNEST(@keys)

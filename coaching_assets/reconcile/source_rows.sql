-- BigQuery: the rows of some buckets. Of duplicate keys, only the newest rows.
WITH keyed AS (
  SELECT {key} AS key_text, TO_HEX(MD5({row})) AS digest, {synced} AS synced
  FROM {table}
  WHERE {condition}
),
ranked AS (
  SELECT
    TO_HEX(MD5(key_text)) AS key_hash, key_text, digest, synced,
    RANK() OVER (PARTITION BY key_text ORDER BY synced DESC NULLS LAST) AS place
  FROM keyed
)
SELECT DISTINCT key_hash, key_text, digest, synced
FROM ranked
WHERE place = 1 AND SUBSTR(key_hash, 1, 2) IN UNNEST(@buckets)

-- BigQuery: row count and digest sums per bucket. A bucket is the first two hex digits of the key's hash; a digest is summed
-- in four parts, so that the sums do not overflow. Of duplicate keys, the newest row counts. Rows newer than the replica are
-- not synced yet, so only their keys are returned. comparison.py fills in the names in braces.
WITH hashed AS (
  SELECT TO_HEX(MD5({key})) AS key_hash, TO_HEX(MD5({row})) AS digest, {synced} AS synced
  FROM {table}
  WHERE {condition}
),
ranked AS (
  SELECT
    key_hash, digest, COALESCE(synced > @watermark, FALSE) AS is_newer,
    ROW_NUMBER() OVER (PARTITION BY key_hash ORDER BY synced DESC NULLS LAST, digest) AS place
  FROM hashed
)
SELECT
  SUBSTR(key_hash, 1, 2) AS bucket,
  COUNTIF(NOT is_newer) AS row_count,
  SUM(IF(is_newer, 0, CAST(CONCAT('0x', SUBSTR(digest, 1, 8)) AS INT64))) AS first_sum,
  SUM(IF(is_newer, 0, CAST(CONCAT('0x', SUBSTR(digest, 9, 8)) AS INT64))) AS second_sum,
  SUM(IF(is_newer, 0, CAST(CONCAT('0x', SUBSTR(digest, 17, 8)) AS INT64))) AS third_sum,
  SUM(IF(is_newer, 0, CAST(CONCAT('0x', SUBSTR(digest, 25, 8)) AS INT64))) AS fourth_sum,
  STRING_AGG(IF(is_newer, key_hash, NULL), ',') AS newer_keys
FROM ranked
WHERE place = 1
GROUP BY bucket

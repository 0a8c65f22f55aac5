"""The replica: each BigQuery table as it is now, in a Postgres schema of the dataset's name, kept by dlt."""

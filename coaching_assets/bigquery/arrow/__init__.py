"""Converts BigQuery's Arrow batches into types that dlt's parquet writer and Postgres's COPY take without loss."""

"""Tests of `bigquery/`, against a real emulator and a real Postgres."""

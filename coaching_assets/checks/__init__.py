"""Checks of what stands in the tables: the replica against BigQuery, the published tables against the replica."""

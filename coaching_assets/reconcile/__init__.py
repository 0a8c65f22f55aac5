"""Reconciliation: compares the replica with BigQuery and the published tables with the replica, and repairs both."""

"""Metrics of the last syncs, for Prometheus."""

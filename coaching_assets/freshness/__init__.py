"""Freshness: how far the published tables are behind the source, and whether Fivetran delivers."""

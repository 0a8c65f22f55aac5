"""Erasure of a call, a person or a deal from the replica and the published tables."""

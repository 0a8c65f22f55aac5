"""Erasure: a call, a person or a deal taken out of the replica and the published tables."""

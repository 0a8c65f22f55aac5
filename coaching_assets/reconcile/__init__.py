"""Checks of what stands in the tables: whether it is fresh, and whether it equals what it was made of."""

"""Embedded servers and sample data, so that everything can be tried on one machine without an account anywhere."""

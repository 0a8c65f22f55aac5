"""Tests of the embedded servers and of the sample data."""

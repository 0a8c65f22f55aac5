"""Tests of the source floor, against a real emulator and a real Postgres."""

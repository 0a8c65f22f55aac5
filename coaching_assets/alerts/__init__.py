"""Alerts: what fails, whom to tell of it and when, in which words, and by which way."""

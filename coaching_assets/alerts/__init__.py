"""Alerts: which failures to send to which recipient, when, in which words, and how."""

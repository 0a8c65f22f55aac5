"""Checks of an installation: settings, servers, tables and rights. They write nothing."""

"""SQL statements that publishing fills in with the data of a table; see `statements.py` and `pending.py`."""

"""The published tables: the application's own, written from the replica by SQL, touching only rows that differ."""

"""Django's SQLite, which here makes the data folder when it is first needed, and not before."""

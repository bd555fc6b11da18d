"""The database backend's entry point, by the name Django looks for."""

import sqlite3
from pathlib import Path
from typing import Any, override

from django.db.backends.sqlite3 import base


class DatabaseWrapper(base.DatabaseWrapper):
    """Opens a database file in a folder that may not exist yet."""

    @override
    def get_new_connection(self, conn_params: dict[str, Any]) -> sqlite3.Connection:
        """Make the folder, readable by this user alone; then connect."""
        if not self.is_in_memory_db():
            Path(conn_params["database"]).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        connection: sqlite3.Connection = super().get_new_connection(conn_params)
        return connection

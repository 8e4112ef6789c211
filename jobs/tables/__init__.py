"""Shots as rows of a table: CSV, TSV, JSON lines and XLSX."""

from jobs.tables.rows import MOST_ROWS, Row, Table, TableError, is_table, read_table
from jobs.tables.shots import TableHead, TableShots, shots_of

__all__ = ["MOST_ROWS", "Row", "Table", "TableError", "TableHead", "TableShots", "is_table", "read_table", "shots_of"]

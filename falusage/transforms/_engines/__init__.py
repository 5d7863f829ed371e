"""Rollups that run where the rows lie: in DuckDB or Spark."""

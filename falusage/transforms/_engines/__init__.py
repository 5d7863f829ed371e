"""Rollups that run where the rows are: in DuckDB or Spark."""

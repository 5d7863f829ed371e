"""A usage table as a question sees it: its arguments checked, its buckets cut into periods."""

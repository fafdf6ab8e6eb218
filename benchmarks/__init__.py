"""What landing and building cost against bare DuckDB, and how that grows with the data: `make bench`."""

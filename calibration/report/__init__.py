"""The report: its sections, its schema, its files."""

"""What stands in report.json: a typed model for each of its sections, from which report.schema.json is made."""

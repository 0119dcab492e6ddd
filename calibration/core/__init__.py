"""The formula: grades, buckets, cross-validation, and what they need."""

"""The judgement: grades, agreement, bucket mapping, cross-validation and the report."""

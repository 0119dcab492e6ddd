"""The database of a study; nobody else speaks SQL."""

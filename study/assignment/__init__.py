"""Who rates what, and in which order."""

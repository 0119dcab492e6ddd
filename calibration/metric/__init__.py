"""One metric against people."""

"""People as instruments: agreement, consistency, bias, and who deserves a look."""

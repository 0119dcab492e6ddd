"""The report as an HTML page: figures, words, pictures."""

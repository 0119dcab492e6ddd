"""Tables of ratings, scores and items: read, checked, written."""

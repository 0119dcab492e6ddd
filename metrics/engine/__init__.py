"""Images in, features kept, scores out: what runs the metrics."""

"""From scores and ratings of checkpoints to a decision: did one get worse, and which may be the best."""

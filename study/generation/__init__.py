"""From checkpoints to image sets: what is drawn, of which checkpoint, and the proof that it was."""

"""What tracking does with what is new: the files of checkpoints beside it, its scores, its gates."""

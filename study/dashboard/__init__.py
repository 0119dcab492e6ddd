"""The dashboard: a study's checkpoints as numbers, sentences and pictures, for a page of its owner's."""

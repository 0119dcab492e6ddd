"""Runs as they are trained: their record in the study, the gate, and what trackers know of them."""

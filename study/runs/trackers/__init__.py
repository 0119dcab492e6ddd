"""What trackers hold, read and written: a module for each, with `read(source)` and `write(runs, place)`."""

"""A study on disk: its files, its images, what goes in and comes out."""

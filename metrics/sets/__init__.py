"""Metrics of a set of images: a file for each, and what they rest on."""

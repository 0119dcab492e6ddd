"""Machines: automatic scores of images and of image sets, and what each metric is."""

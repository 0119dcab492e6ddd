"""Machines: automatic scores of images and of image sets, and what each metric is."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("humangrade")
except PackageNotFoundError:  # a checkout that is not installed
    __version__ = "0+unknown"

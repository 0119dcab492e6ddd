"""People: what is rated and by whom, the store, the rating app, and the command line."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("humangrade")
except PackageNotFoundError:  # a checkout that is not installed
    __version__ = "0+unknown"

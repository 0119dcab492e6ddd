"""The dashboard of a study's runs: trends, grids, galleries."""

"""Files of networks' weights: which there are, where they stand, what they hold."""

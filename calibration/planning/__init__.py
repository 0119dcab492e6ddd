"""Before a study: how many images and evaluators."""

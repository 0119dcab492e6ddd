"""From a new score to what people would say."""

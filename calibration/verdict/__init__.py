"""What the figures say: claims, answers, words."""

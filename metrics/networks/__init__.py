"""From images and prompts to features."""

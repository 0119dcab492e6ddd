"""The web server: who asks, what they get."""

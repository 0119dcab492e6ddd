"""People: what is rated and by whom, the store, the rating app, and the command line."""

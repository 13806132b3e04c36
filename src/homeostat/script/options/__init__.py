"""Options: what a script can be told on its command line, one file a kind."""

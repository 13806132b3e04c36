"""The checks, one kind of question a file."""

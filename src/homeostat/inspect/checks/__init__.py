"""The checks, one kind of question per file."""

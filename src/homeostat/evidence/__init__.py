"""Evidence: what the numbers of several runs say, and how sure that is."""

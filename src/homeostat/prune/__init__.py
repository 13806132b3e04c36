"""Pruning: stop a trial as soon as it is clear that it will not be among the best."""

"""Phases, budgets and `tune`: what to do next, within the time there is."""

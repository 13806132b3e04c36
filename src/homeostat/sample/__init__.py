"""Samplers: what to try next, from a space and what is known of it."""

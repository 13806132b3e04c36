"""Symptoms: what a recorded run shows, by rules; nothing here trains anything."""

"""The demonstration: an ordinary training script with three faults, and how each comes to light."""

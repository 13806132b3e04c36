"""The commands `homeostat` and `nas`: they translate arguments into calls, nothing else."""

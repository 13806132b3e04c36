"""The SLURM engine: attempts in jobs of a SLURM cluster, submitted with submitit."""

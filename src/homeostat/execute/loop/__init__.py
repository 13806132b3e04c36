"""What happens inside one process: one attempt through guard, record and pruning."""

"""Studies: trials and their results in a small SQL store, by ask and tell."""

"""Bridges: where another library drives a search: scikit-learn's estimators, Hydra's sweeps."""

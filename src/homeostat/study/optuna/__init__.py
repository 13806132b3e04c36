"""Optuna: studies of ours as Optuna studies, and theirs as ours."""

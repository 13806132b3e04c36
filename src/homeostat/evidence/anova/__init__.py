"""Functional ANOVA: what each parameter adds to a metric, by one Bayesian model of all trials."""

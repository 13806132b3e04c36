"""Probe: the audit before tuning. Each check says what it saw, and what to do."""

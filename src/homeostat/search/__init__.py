"""Search: which settings are best, found by ask and tell, and recorded so that nothing is lost."""

"""Reports: what was found, as pages someone else can check."""

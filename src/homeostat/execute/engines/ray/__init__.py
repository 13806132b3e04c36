"""The Ray engine: attempts on the nodes of a cluster."""

"""Evolution: creatures of nodes and muscles learn to walk to pellets, in a simulator of our own."""

"""A network whose layers age, die and are reborn, and the guide that could not find its fault."""

"""NEAT: neural networks whose wiring evolves (Stanley & Miikkulainen 2002), on arrays.

    genome.py     what a genome is; identity of genes; insertion and removal
    mutate.py     new connections, new neurons, weights
    cross.py      crossover and the distance between genomes
    network.py    from genes to a feed-forward network
    evolve.py     the algorithm itself, for a fitness function of yours
    tasks.py      XOR and double pole balancing, the yardsticks of the paper

A gene's identity is a hash of what it joins, and a hidden neuron's of the connection it split. Two
genomes that make the same discovery thus give it the same name, whenever and wherever they make
it: no registry, nothing to keep between generations, nothing to go out of step.
"""

"""HyperPerturb: which knock-outs move a gene, by graph convolutions through the Poincaré ball."""

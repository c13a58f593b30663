"""What CoreML's provider takes, and whether a graph is that."""

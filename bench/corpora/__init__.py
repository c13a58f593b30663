"""Real texts to measure with."""

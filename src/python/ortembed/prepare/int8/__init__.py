"""From a float32 graph to an int8 one: calibrated, smoothed, rounded."""

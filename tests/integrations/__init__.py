"""The databases and frameworks that ortembed has adapters for, each for real."""

"""How the weights of the packed form are made small: bfloat16, and int8."""

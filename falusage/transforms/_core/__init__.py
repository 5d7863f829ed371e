"""Parts of the transforms: names as numbers, Bennet's effects, and the steps of prices."""

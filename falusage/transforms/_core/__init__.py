"""Parts of the transforms: Bennet's effects, and the steps of prices."""

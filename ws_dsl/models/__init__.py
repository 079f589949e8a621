"""Everything that two kinds need of torch: loading, tokens, sites, hooks, forward passes."""

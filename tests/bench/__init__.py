"""The benchmark: polybot beside its peers, as ratios measured in one interleaved run."""

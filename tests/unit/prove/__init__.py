"""Tests of the proof itself: its plan, its judge, its tally; `make prove` runs it on processes."""

"""The tracker: stores what happened, settles and grades windows, audits our books."""

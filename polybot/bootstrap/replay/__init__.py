"""Replays a session of the trader: its decisions again, from its tape and its journal.

It stands among the builders because it builds a trader too: the production service and signer, with
ports that the tape feeds instead of sockets.
"""

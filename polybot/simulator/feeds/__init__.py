"""What the websocket channels are told, and the queues it waits in."""

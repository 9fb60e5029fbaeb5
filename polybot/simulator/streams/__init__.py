"""The websocket channels: connections, subscriptions, and the life of each."""

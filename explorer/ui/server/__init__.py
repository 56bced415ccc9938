"""What a server with several persons needs on every page: the door, and the sweeping of what was left."""

"""Speech recognition: the recording that is sent, the services around it, and how near the words come to it."""

"""What developing this project needs and using it doesn't."""

"""What breaks, whenever: nothing is lost and it heals by itself."""

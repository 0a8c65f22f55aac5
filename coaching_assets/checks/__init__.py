"""What is checked besides what a step checks of its own work: freshness."""

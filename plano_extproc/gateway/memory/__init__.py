"""What is remembered of users across conversations."""

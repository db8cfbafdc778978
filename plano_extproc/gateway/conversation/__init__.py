"""Conversations that are kept, and the paths by which clients read and forget them."""

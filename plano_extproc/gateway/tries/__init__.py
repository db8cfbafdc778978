"""Several candidates for one request, tried one after the other."""

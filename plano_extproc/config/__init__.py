"""What the user wrote, typed. Knows nothing of Envoy; reads no environment but the one it is given."""

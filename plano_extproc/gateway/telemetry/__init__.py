"""What is seen of an exchange: spans, figures, signals."""

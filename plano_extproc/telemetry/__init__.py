"""What operators see: metrics, declared once."""

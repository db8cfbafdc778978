"""Sample servers that speak to the gateway: a development model, and agents."""

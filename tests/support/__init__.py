"""What the end-to-end tests stand on: scripted providers, a real gateway, ports and processes."""

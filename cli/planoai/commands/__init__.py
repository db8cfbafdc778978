"""One module per command of `planoai`; each defines `command`."""

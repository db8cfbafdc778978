"""Which models serve: by name, by what is asked, by price, speed and session."""

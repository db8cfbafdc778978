"""How answers are cut into frames and compressed on the wire, apart from what they mean."""

"""Two agents for one journey. Their data is made up, always the same, and needs neither key nor network."""

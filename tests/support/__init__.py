"""Small markets for tests: their description, their arrays, and how they are driven."""

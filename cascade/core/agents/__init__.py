"""Who trades besides the leveraged accounts; all of them write intents, none calls the book."""

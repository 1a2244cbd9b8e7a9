"""From archives to a market that is fitted to them: events, figures, draws and how well they were foretold."""

"""What a report shows as plain data: tables, and sentences whose numbers come from them. Nothing is drawn here."""

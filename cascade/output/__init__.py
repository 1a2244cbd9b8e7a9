"""What a run leaves behind: Arrow schemas with units, the streaming writer and the reader."""

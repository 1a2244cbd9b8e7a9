"""The calculator: prices of one account, and worked examples against the rules that markets run by."""

"""Commands that are run and recorded, with all that can be captured around them."""

"""What goes wrong at an exchange, by the rules of a file: answers, frames, spells, flows."""

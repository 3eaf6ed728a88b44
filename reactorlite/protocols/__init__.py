"""Protocols that others are made of: lines, strings, and policies around them."""

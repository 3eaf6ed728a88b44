"""What a program that runs for long is made of: services, and collections of them."""

"""Vocabulary shared by every layer; module paths mirror `twisted.python`."""

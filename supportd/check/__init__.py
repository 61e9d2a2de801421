"""`supportd check`: connects to everything that supportd needs, and says what is wrong."""

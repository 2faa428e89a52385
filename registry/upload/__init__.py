"""Carries certificate data to the provincial centre (省中心), in the table it prescribes."""

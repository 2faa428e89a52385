"""Use cases of the office: one public function = one transaction = one audit line."""

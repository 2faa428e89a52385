"""The provincial centre (省中心): takes the cities' uploads, answers by receipts, lists numbers."""

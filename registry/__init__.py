"""The office's side of certreg: rules, sheets, store, use cases, ledger and exchange."""

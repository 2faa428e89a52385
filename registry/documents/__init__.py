"""The certificate's document: its face drawn, sealed, and checked before it leaves the house."""

"""Who may see and change what: roles, accounts, sessions, a trusted proxy, and the gate that everybody passes."""

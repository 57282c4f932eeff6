"""Mail: SMTP and IMAP conversations, signed tokens, what became of them, and what receivers say."""

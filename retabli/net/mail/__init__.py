"""Mail: SMTP, IMAP and POP conversations, signed tokens, what became of them, and what receivers say."""

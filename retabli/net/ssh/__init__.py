"""SSH and SFTP: asyncssh speaks the protocol, on the ladder's own connection. What imports it is imported when used."""

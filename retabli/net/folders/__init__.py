"""Folders into which files are dropped: looked at without ever opening a file, here or by SFTP."""

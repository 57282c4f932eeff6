"""What an operator of MSSanté needs to know of another: the white list, names of certificates, revocation."""

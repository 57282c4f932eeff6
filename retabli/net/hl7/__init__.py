"""HL7 version 2 over MLLP: synthetic messages from files, blocks, acknowledgements."""

"""DICOM as a client speaks it: associations of ours (PS3.8), messages (PS3.7), and a receiver for what comes back."""

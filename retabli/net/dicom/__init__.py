"""DICOM: images between hospitals and archives, over its own protocol (PS3.8) and over the web (PS3.18)."""

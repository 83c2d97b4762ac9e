"""What a device stands on: radio, links, serial ports, pins and storage."""

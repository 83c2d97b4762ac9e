"""A real radio: wpa_supplicant and hostapd, over their control sockets."""

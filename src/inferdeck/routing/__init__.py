"""What configuration files say of the gateway's routes: read, masked, checked, compared with what runs."""

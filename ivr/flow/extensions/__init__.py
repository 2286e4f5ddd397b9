"""The IVR menus of an Asterisk extensions.conf as a dialplan folder: `convert.convert`. Pure."""

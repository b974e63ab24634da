#!/bin/sh
# Puts wth.yaml in place after showing what will change; inferdeck hosts lists the other programs.
exec "${INFERDECK:=inferdeck}" hosts install wth "$@"

#!/bin/sh
# Sends requests through the gateway and says whether they went where they should; says first what it sends.
exec "${INFERDECK:=inferdeck}" probe routing "$@"

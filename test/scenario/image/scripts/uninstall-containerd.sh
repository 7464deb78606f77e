#!/bin/sh
set -eu
. ./effect.sh
effect uninstall_containerd

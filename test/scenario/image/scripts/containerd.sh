#!/bin/sh
set -eu
. ./effect.sh
effect containerd

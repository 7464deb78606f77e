#!/bin/sh
set -eu
. ./effect.sh
effect clean

#!/bin/sh
set -eu
. ./effect.sh
effect init_kube

. ./effect.sh
effect patched_init
